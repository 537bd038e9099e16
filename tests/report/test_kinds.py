"""Where metrics stand: by the group in the point files; controls, further metrics, and what folds away."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from bcbench_report.album import Album
from bcbench_report.kinds import kind_by_name
from bcbench_report.page import build_report
from bcbench_report.read import read_results
from bcbench_report.study import study_of
from bcbench_report.style import set_style
from pages import Page
from sample import DIRECTIONS, Sample, documented
from test_study import page_of

GROUPS = {
    "evenness": "mixing",
    "gap": "means",
    "keeps": "biology",
    "total": "aggregate",
    "batch_correction": "aggregate",
    "bio_conservation": "aggregate",
    "strange_loss": "other",
    "rounds": "iteration",
    "share_before": "detail_of_metric",
    "holds": "check",
    "holdout_keeps": "biology",
    "novel": "a group of a later program",
}


@pytest.fixture(autouse=True)
def directions(monkeypatch: pytest.MonkeyPatch) -> None:
    higher = ["evenness", "keeps", "holds", "holdout_keeps", "total", "batch_correction", "bio_conservation"]
    for metric in higher:
        monkeypatch.setitem(DIRECTIONS, metric, "higher")
    monkeypatch.setitem(DIRECTIONS, "gap", "lower")


def scored(**totals: float) -> Sample:
    sample = Sample()
    for label, total in totals.items():
        values: dict[str, float | None] = {metric: total for metric in GROUPS} | {"holds": 1.0}
        sample.point("two", label, values, groups=GROUPS, control=label.startswith("Control"))
    return sample


def titles_with(page: Page, metric: str) -> list[str]:
    return [table.title for table in page.tables if metric in table.columns]


def test_a_metric_stands_where_its_group_says_whatever_its_name(tmp_path: Path) -> None:
    page = page_of(scored(A=0.5, B=0.75), tmp_path)
    assert {metric: titles_with(page, metric) for metric in GROUPS} == {
        "evenness": ["Batch mixing"],
        "gap": ["Batch means"],
        "keeps": ["Biology"],
        "total": ["Aggregates"],
        "batch_correction": ["Aggregates"],
        "bio_conservation": ["Aggregates"],
        "strange_loss": ["Further metrics"],
        "rounds": ["Details of the methods"],
        "share_before": ["Details of the metrics"],
        "holds": ["Checks"],
        "holdout_keeps": ["Further metrics"],
        "novel": ["Further metrics"],
    }
    assert page.table("Checks").column("holds") == ["True", "True"]


def test_names_decide_only_where_no_file_has_a_group(tmp_path: Path) -> None:
    sample = Sample()
    sample.point("two", "Old", {"strange_loss": 1.0, "type_purity": 0.5, "mixing_ceiling": 0.5})
    page = page_of(sample, tmp_path / "old")
    assert titles_with(page, "strange_loss") == ["Losses"]
    assert titles_with(page, "type_purity") == ["Biology"]
    sample.point("two", "New", {"strange_loss": 2.0}, groups=GROUPS)
    page = page_of(sample, tmp_path / "both")
    assert titles_with(page, "strange_loss") == ["Further metrics"]
    names = ("gradient", "gradient_finite", "mean_shift", "perfect_mixing")
    assert [kind_by_name(name) for name in names] == [
        "check",
        "check_detail",
        "means",
        "reference",
    ]


def test_aggregates_are_sorted_by_total(tmp_path: Path) -> None:
    sample = scored(A=0.25, B=0.75, C=0.5)
    sample.point("two", "None", {"total": None}, groups=GROUPS, status="not_applicable")
    page = page_of(sample, tmp_path)
    assert page.table("Aggregates").column("method") == ["B", "C", "A", "None"]
    for metric in ("total", "batch-correction", "bio-conservation"):
        with (tmp_path / "report" / "figures" / f"{metric}-two.csv").open(encoding="utf-8") as file:
            assert [row["method"] for row in csv.DictReader(file)] == ["B", "C", "A"]


def test_controls_are_marked_and_never_the_best(tmp_path: Path) -> None:
    page = page_of(scored(A=0.25, B=0.75, Control=1.0, Tied=0.75), tmp_path)
    table = page.table("Aggregates")
    assert table.column("method") == ["Control (control)", "B", "Tied", "A"]
    assert table.column("total") == ["1.0000", "0.7500 ★", "0.7500 ★", "0.2500"]
    assert "Control (control)" in page.table("All metrics").columns
    tie = page_of(scored(A=0.25, B=0.75, Control=0.75), tmp_path / "tie").table("Aggregates")
    assert sorted(zip(tie.column("method"), tie.column("total"))) == [
        ("A", "0.2500"),
        ("B", "0.7500 ★"),
        ("Control (control)", "0.7500"),
    ]


def test_only_true_makes_a_control(tmp_path: Path) -> None:
    sample = scored(A=0.5, B=0.75)
    sample.points["two.A"]["method"]["control"] = "true"
    sample.points["two.B"]["method"]["control"] = False
    assert study_of(read_results(sample.write(tmp_path))).controls == set()


def test_controls_are_dashed_lines_in_the_bars_of_their_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, Figure] = {}
    add = Album.add

    def keep(self: Album, figure: Figure, *arguments: Any) -> None:
        add(self, figure, *arguments)
        kept[self.pictures[-1].slug] = figure

    monkeypatch.setattr(Album, "add", keep)
    sample = scored(A=0.25, B=0.75, Control=1.5)
    sample.point("other", "A", {"total": 0.5}, groups=GROUPS)
    sample.point("none", "Control", {"total": 0.5}, groups=GROUPS, control=True)
    set_style()
    build_report(read_results(sample.write(tmp_path)), Album(tmp_path), "")
    axes = kept["total-two"].axes[0]
    assert len(axes.patches) == 2 and [text.get_text() for text in axes.get_yticklabels()] == ["B", "A"]
    (line,) = axes.lines
    assert line.get_linestyle() == "--" and list(line.get_xdata()) == [1.5, 1.5]
    assert axes.get_xlim()[1] > 1.5
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["control Control = 1.5000"]
    assert not kept["total-other"].axes[0].lines and "total-none" not in kept
    assert "Control (control),total,1.5" in (tmp_path / "total-two.csv").read_text(encoding="utf-8")


def test_perfect_mixing_is_a_level_of_entropies_alone(tmp_path: Path) -> None:
    sample = Sample()
    groups = {"ilisi": "mixing", "batch_mixing_entropy": "mixing", "perfect_mixing": "reference"}
    sample.point(
        "two", "A", {"ilisi": 0.5, "batch_mixing_entropy": 0.25, "perfect_mixing": 0.6931}, groups=groups
    )
    page_of(sample, tmp_path)
    figures = tmp_path / "report" / "figures"
    assert "perfect_mixing" in (figures / "batch-mixing-entropy-two.csv").read_text(encoding="utf-8")
    assert "perfect_mixing" not in (figures / "ilisi-two.csv").read_text(encoding="utf-8")


FOLD = re.compile(r'<details class="table fold[^"]*"( open)?>\s*<summary>(.*?)</summary>', re.DOTALL)


def folds(page: Path) -> dict[str, bool]:
    """Whether each fold is open, by its summary."""
    found = FOLD.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"<.*?>", "", title): bool(is_open) for is_open, title in found}


def test_figures_come_after_the_outcome_and_the_settings_fold_away_below(tmp_path: Path) -> None:
    sample = documented()
    sample.manifest["program"]["git_dirty"] = False
    page_of(sample, tmp_path)
    path = tmp_path / "report" / "report.html"
    text = path.read_text(encoding="utf-8")
    sections = re.findall(r"<h2>(.*?)</h2>", text)
    assert sections[:2] == ["Outcome", "Batch mixing"]
    assert sections[-3:] == ["Data and methods", "Documented against reproduced", "Program and machine"]
    second = text.index("<h2>Batch mixing")
    assert text.index("<figure", second) < text.index("<table", second)
    folded = folds(path)
    assert not any(folded.values())
    assert {"Methods", "Shapes", "What ran", "means (4 agree)", "losses (1 agree)"} <= set(folded)
    markdown = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert markdown.count("<details>") == markdown.count("</details>") == len(folded)


def test_what_differs_is_open_and_first(tmp_path: Path) -> None:
    sample = documented()
    sample.expected.append(["means", "two_batch.WGAN", "batch_mean_0", "9.0", "-0.1796", -0.17961, "no"])
    page = page_of(sample, tmp_path)
    folded = folds(tmp_path / "report" / "report.html")
    assert folded["means (1 of 5 differ)"] and folded["What ran"]  # with changes that are not committed
    assert not folded["mixing (4 agree)"]
    assert page.table("means").column("equal as printed") == ["no", "yes", "yes", "yes", "yes"]


def test_details_fold_away(tmp_path: Path) -> None:
    page_of(scored(A=0.5, B=0.75), tmp_path)
    folded = folds(tmp_path / "report" / "report.html")
    assert folded["Details of the methods"] is False and folded["Details of the metrics"] is False
    assert "Further metrics" not in folded and "Biology" not in folded
