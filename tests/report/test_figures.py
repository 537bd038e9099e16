"""The figures: all there, none blank, the same colour for the same method, nothing outside its frame."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from bcbench_report.album import Album
from bcbench_report.page import build_report
from bcbench_report.read import read_results
from bcbench_report.style import METHOD_COLOURS, PlainTicks, looks_of, set_style
from bcbench_report.study import study_of
from sample import Sample, documented

LONG_LABEL = "A method whose name is as long as a name may be, which is eighty letters or so!!"
STEMS = {
    "pca-batch-documented-two-batch",
    "pca-batch-two-batch",
    "pca-type-two-batch",
    "batch-mixing-entropy-two-batch",
    "mean-shift-two-batch",
    "sweep-two-batch-harmony-sweep-n-iterations",
    "sweep-two-batch-mmd-sweep-kernel-bandwidth",
    "method-time",
    "gradient-step-curve",
    "training",
}


def test_every_figure_is_there_in_three_forms_and_not_blank(documented_results: Path) -> None:
    figures = documented_results / "report" / "figures"
    assert {path.stem for path in figures.iterdir() if path.suffix != ".txt"} == STEMS
    for stem in STEMS:
        pixels = imread(figures / f"{stem}.png")[:, :, :3]
        assert pixels.shape[1] > 800
        coloured = (pixels.max(axis=2) - pixels.min(axis=2)) > 0.2
        assert coloured.sum() > 60, f"{stem} shows no data"
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert edge.min() > 0.99, f"{stem}: something is cut at its edge"
        assert "<svg" in (figures / f"{stem}.svg").read_text(encoding="utf-8")
        with (figures / f"{stem}.csv").open(encoding="utf-8", newline="") as file:
            assert len(list(csv.reader(file))) > 2, f"{stem}.csv is empty"


def figures_of(directory: Path) -> dict[str, Figure]:
    """The figures of the directory's report, as matplotlib objects."""
    kept: dict[str, Figure] = {}
    add = Album.add

    def keep(self: Album, figure: Figure, *arguments: object) -> None:
        add(self, figure, *arguments)  # type: ignore[arg-type]
        kept[self.pictures[-1].slug] = figure

    set_style()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Album, "add", keep)
        build_report(read_results(directory), Album(directory), "")
    return kept


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    """The figures of a report with long labels, as matplotlib objects."""
    sample = documented()
    sample.method(LONG_LABEL, "other")
    point = sample.point(
        "two_batch",
        LONG_LABEL,
        {"mean_shift": 2.0, "batch_mixing_entropy": 0.41},
    )
    sample.time(point, [12.0, 15.0])
    for noise in (0.1, 1.0, 10.0):
        for method in ("Harmony", "MMD"):
            values = {
                "mean_shift": noise + len(method),
                "mmd_loss": noise / 7,
                "batch_mixing_entropy": 0.1**noise,
            }
            sample.point("noise", method, values, {"dataset.noise_sd": noise}, suffix=f"noise_sd={noise}")
    return figures_of(sample.write(tmp_path_factory.mktemp("drawn")))


def test_no_text_overlaps_or_leaves_the_figure(drawn: dict[str, Figure]) -> None:
    assert STEMS <= set(drawn) and "sweep-noise-harmony-dataset-noise-sd" in drawn
    for name, figure in drawn.items():
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in _texts(figure)]
        assert len(boxes) > 5
        for index, (text, box) in enumerate(boxes):
            assert box.x0 >= 0 and box.y0 >= 0, f"{name}: {text!r} is cut"
            assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, f"{name}: {text!r} is cut"
            for other, second in boxes[index + 1 :]:
                width = min(box.x1, second.x1) - max(box.x0, second.x0)
                height = min(box.y1, second.y1) - max(box.y0, second.y0)
                assert width <= 1 or height <= 1, f"{name}: {text!r} lies over {other!r}"


def _texts(figure: Figure) -> list[Text]:
    """All texts that are drawn; matplotlib also keeps tick labels outside the view, which are not."""
    texts: list[Text] = []
    for axes in figure.axes:
        legend = axes.get_legend()
        texts += [*axes.texts, *(legend.get_texts() if legend else [])]
        if axes.axison:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text for text in texts if text.get_text().strip()]


def test_no_panel_is_blank(drawn: dict[str, Figure]) -> None:
    """Inside every frame there is colour; that of a legend does not count."""
    for name, figure in drawn.items():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(float) / 255
        for axes in (axes for axes in figure.axes if axes.axison):
            x0, y0, x1, y1 = (int(value) for value in axes.bbox.extents)
            inside = pixels[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2]
            coloured = (inside.max(axis=2) - inside.min(axis=2)) > 0.2
            assert coloured.sum() > 15, f"{name}: the panel {axes.get_title()!r} is blank"
            assert inside.shape[0] > 80 and inside.shape[1] > 150, f"{name}: a panel is squeezed"


def test_bars_and_times_have_the_colour_of_their_method(drawn: dict[str, Figure]) -> None:
    colours = dict(zip(["Uncorrected", "Harmony", "MMD", "WGAN"], METHOD_COLOURS))
    for name in ("mean-shift-two-batch", "method-time"):
        axes = drawn[name].axes[0]
        at = {round(bar.get_y() + bar.get_height() / 2): to_hex(bar.get_facecolor()) for bar in axes.patches}
        at |= {round(line.get_ydata()[0]): to_hex(line.get_color()) for line in axes.lines}
        labels = [
            label.get_text().partition(",")[0].removesuffix(" sweep") for label in axes.get_yticklabels()
        ]
        assert set(colours) <= set(labels)
        assert all(at[place] == colours[label] for place, label in enumerate(labels) if label in colours)


def test_every_axis_is_named_with_its_unit(drawn: dict[str, Figure]) -> None:
    for name, figure in drawn.items():
        for axes in (axes for axes in figure.axes if axes.axison):
            assert re.search(r"\(.+\)", axes.get_xlabel()), f"{name}: {axes.get_xlabel()!r}"
            bars = name.startswith(("method-time", "batch-mixing", "mean-shift"))
            assert bars or re.search(r"\(.+\)", axes.get_ylabel()), f"{name}: {axes.get_ylabel()!r}"
            for scale, label in (
                (axes.get_xscale(), axes.get_xlabel()),
                (axes.get_yscale(), axes.get_ylabel()),
            ):
                assert (scale == "log") == ("log scale" in label), f"{name}: a scale is labelled wrongly"
    assert drawn["sweep-two-batch-mmd-sweep-kernel-bandwidth"].axes[0].get_xscale() == "log"
    assert drawn["sweep-two-batch-harmony-sweep-n-iterations"].axes[0].get_xscale() == "linear"
    limits = {
        axes.get_xlim() + axes.get_ylim()
        for axes in drawn["pca-batch-documented-two-batch"].axes
        if axes.axison
    }
    assert limits == {(-50, 50, -50, 50)}


def test_a_method_has_one_colour_everywhere(tmp_path: Path) -> None:
    study = study_of(read_results(documented().write(tmp_path)))
    looks = looks_of(study)
    base = ["Uncorrected", "Harmony", "MMD", "WGAN"]
    assert [looks[label].colour for label in base] == list(METHOD_COLOURS[:4])
    assert looks["Harmony sweep"] == looks["Harmony"] and looks["MMD sweep"] == looks["MMD"]


def test_a_swept_method_stands_for_itself_at_its_documented_setting(tmp_path: Path) -> None:
    """Order, colours and the setting shown when sweeps are part of a method, not methods of their own."""
    sample = Sample()
    for n in (1, 5, 10):
        sample.point("d", "Swept", {"mean_shift": 1.0 / n}, {"n": n}, suffix=f"n={n}")
    sample.point("d", "Plain", {"mean_shift": 0.5})
    sample.expected.append(["means", "d.Swept.n=5", "mean_shift", "0.2000", "0.2000", 0.2, "yes"])
    study = study_of(read_results(sample.write(tmp_path)))
    assert [group.label for group in study.base["d"]] == ["Swept (n = 5)", "Plain"]
    assert [look.colour for look in looks_of(study).values()] == list(METHOD_COLOURS[:2])


def test_many_methods_stay_apart(tmp_path: Path) -> None:
    sample = Sample()
    for index in range(20):
        sample.point("d", f"m{index}", {"mean_shift": float(index)})
    looks = looks_of(study_of(read_results(sample.write(tmp_path))))
    assert len(set(looks.values())) == 20


@pytest.mark.parametrize(
    "values, texts",
    [
        ([0, 0.5, 1], ["0", "0.5", "1"]),
        ([26.59204, 26.59205, 26.59206], ["26.59204", "26.59205", "26.59206"]),
        ([-50, 0, 50], ["−50", "0", "50"]),
        ([1e-9, 1e-5, 0.1], ["1e−09", "1e−05", "0.1"]),
        ([0, 10000, 20000], ["0", "10000", "20000"]),
    ],
)
def test_ticks_are_plain_and_distinct(values: list[float], texts: list[str]) -> None:
    assert PlainTicks().format_ticks(values) == texts


def test_the_axis_of_a_curve_says_what_is_counted(tmp_path: Path) -> None:
    sample = documented()
    sample.method("Real", "harmony")
    sample.point(
        "two_batch",
        "Real",
        {"mean_shift": 2.0, "harmony_iterations": 2.0},
        traces={"step": [0, 1, 2], "objective": [9.0, 5.0, 4.0], "mean_shift": [3.0, 2.5, 2.0]},
        groups={"mean_shift": "means", "harmony_iterations": "iteration"},
    )
    kept = figures_of(sample.write(tmp_path))
    labels = {axes.get_title(): axes.get_xlabel() for axes in kept["training"].axes if axes.axison}
    assert labels["objective"] == "iteration (count)"
    assert labels["loss"] == "training step (count)"
    assert labels["mean_shift"] == "step (count)"  # drawn of both
