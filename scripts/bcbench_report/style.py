"""How every figure looks: colours that colour-blind readers tell apart, fonts, ticks, and names of axes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Sequence

import numpy as np
from matplotlib import font_manager, rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, Formatter, LogLocator, MaxNLocator, NullLocator

from .kinds import family
from .study import Study

# These three become variables of the page, so that figures follow its light and dark colours.
INK, RULE, PAPER = "#1b1f24", "#d3d8de", "#ffffff"

WIDTH = 5.8  # inches; on a phone 10 point letters still come out at 9 pixels
METHOD_COLOURS = ("#7a7a7a", "#0072b2", "#d55e00", "#009e73", "#c06c9c", "#bf8700")  # after Okabe and Ito
LABEL_COLOURS = ("#0077bb", "#ee7733", "#009988", "#cc3311", "#33a6d6", "#ee3377", "#8a8a8a")  # after Tol
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "...", "xxx")
FALLBACK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "FreeSans",
    "Symbola",
)

UNITS = {
    "batch_mixing_entropy": "nats",
    "perfect_mixing": "nats",
    "mixing_ceiling": "nats",
    "mean_shift": "data units",
    **dict.fromkeys(("total", "batch_correction", "bio_conservation"), "no unit"),
    **dict.fromkeys(("ilisi", "silhouette_batch", "bras", "graph_connectivity", "sbee"), "no unit"),
    **dict.fromkeys(("kbet", "kbet_per_label", "kbet_pg_label", "pcr_comparison", "type_purity"), "no unit"),
    **dict.fromkeys(("cilisi", "cilisi_means", "openproblems_total"), "no unit"),
    **dict.fromkeys(("openproblems_batch_correction", "openproblems_bio_conservation"), "no unit"),
    "n_iterations": "count",
    "n_clusters": "count",
    "n_neighbors": "count",
    "hidden_dim": "units of a layer",
    "latent_dim": "dimensions",
    "kernel_bandwidth": "latent units",
    "noise_sd": "data units",
    "type_signal": "data units",
    "sigma": "no unit",
    "theta": "no unit",
    "temperature": "no unit",
}


@dataclass(frozen=True)
class Look:
    """How a method is drawn, the same in every figure."""

    colour: str
    marker: str
    hatch: str


def set_style() -> None:
    """Sets matplotlib up. Labels are never parsed as formulas, and the same input gives the same bytes."""
    installed = set(font_manager.fontManager.get_font_names())
    rcParams.update(
        {
            "font.family": ["DejaVu Sans", *(name for name in FALLBACK_FONTS if name in installed)],
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "legend.fontsize": 9,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "text.parse_math": False,
            "axes.unicode_minus": True,
            "svg.fonttype": "path",
            "svg.hashsalt": "bcbench",
            "figure.facecolor": PAPER,
            "axes.facecolor": PAPER,
            "savefig.facecolor": PAPER,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "grid.color": RULE,
            "grid.linewidth": 0.7,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "figure.constrained_layout.use": True,
            "figure.constrained_layout.h_pad": 0.09,
            "figure.constrained_layout.w_pad": 0.06,
            "hatch.linewidth": 0.7,
            "hatch.color": PAPER,
        }
    )


def new_figure(height: float) -> Figure:
    return Figure(figsize=(WIDTH, height))


def panel_grid(count: int, panel_height: float, legend_height: float) -> tuple[Figure, list[Axes], Axes]:
    """A figure with `count` panels, two abreast (heights in inches), and empty axes below for a legend."""
    columns = 1 if count == 1 else 2
    rows = -(-count // columns)
    figure = new_figure(panel_height * rows + legend_height)
    layout = figure.add_gridspec(rows + 1, columns, height_ratios=[panel_height] * rows + [legend_height])
    panels = [figure.add_subplot(layout[index // columns, index % columns]) for index in range(count)]
    legend = figure.add_subplot(layout[rows, :])
    legend.set_axis_off()
    return figure, panels, legend


def looks_of(study: Study) -> dict[str, Look]:
    """A look for each method label; a swept label looks like the one-setting method of its type."""
    swept = set(study.methods) - {group.method for group in study.groups if not group.varying}
    settled = {study.types[label]: label for label in reversed(study.methods) if label not in swept}
    owner = {
        label: settled.get(study.types[label], label) if label in swept else label for label in study.methods
    }
    looks: dict[str, Look] = {}
    for index, label in enumerate(label for label in study.methods if owner[label] == label):
        hatch = HATCHES[index // len(METHOD_COLOURS) % len(HATCHES)]
        colour = METHOD_COLOURS[index % len(METHOD_COLOURS)]
        looks[label] = Look(colour, MARKERS[index % len(MARKERS)], hatch)
    return {label: looks[owner[label]] for label in study.methods}


def shorten(text: str, length: int = 30) -> str:
    """A label for a figure: one line, cut with an ellipsis; the tables have it in full."""
    line = "".join(character if character.isprintable() else " " for character in text).strip() or "(no name)"
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def distinct(labels: list[str], length: int = 30) -> list[str]:
    """Labels shortened for one figure, still apart: those cut alike keep their ends, or get a number."""
    shown = [shorten(label, length) for label in labels]
    alike = {text for text, count in Counter(shown).items() if count > 1}
    shown = [ends(label, length) if text in alike else text for label, text in zip(labels, shown)]
    seen: Counter[str] = Counter()
    for place, text in enumerate(shown):
        seen[text] += 1
        if shown.count(text) > 1:
            shown[place] = f"{text} ({seen[text]})"
    return shown


def ends(label: str, length: int = 40) -> str:
    """A label for a figure, cut in its middle: what tells ids apart stands at their end."""
    line = shorten(label, 1000)
    head = length // 3
    return line if len(line) <= length else f"{line[:head].rstrip()}…{line[head + 1 - length:].lstrip()}"


def axis_name(name: str) -> str:
    """The name with its unit."""
    return f"{shorten(name, 30)} ({unit_of(name)})"


def value_name(name: str) -> str:
    """The axis of a panel whose title is the name already."""
    return f"value ({unit_of(name)})"


def unit_of(name: str) -> str:
    """The unit of a metric or parameter, or words that there is none on record."""
    kind = family(name).removeprefix("train.").removeprefix("dataset.").removeprefix("holdout_")
    if kind.startswith("batch_mean"):
        return "data units"
    if kind.endswith("loss"):
        return "no unit"
    return "seconds" if kind.endswith("seconds") else UNITS.get(kind, "as recorded")


class PlainTicks(Formatter):  # type: ignore[misc]
    """Tick labels without offsets or formulas, with as many digits as it takes to tell the ticks apart."""

    def __call__(self, value: float, position: int | None = None) -> str:
        return f"{value:g}".replace("-", "−")

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        step = min((abs(b - a) for a, b in zip(values, values[1:])), default=0.0)
        near_zero = [0.0 if abs(value) < step * 1e-6 else float(value) for value in values]
        texts: list[str] = []
        for digits in range(1, 16):
            texts = [f"{value:.{digits}g}" for value in near_zero]
            if all(abs(float(text) - value) <= step * 0.01 for text, value in zip(texts, near_zero)):
                break
        return [_without_exponent(text).replace("-", "−") for text in texts]


def _without_exponent(text: str) -> str:
    value = float(text)
    return f"{value:.0f}" if "e" in text and 1 <= abs(value) < 1e6 else text


def plain_ticks(axis: Axis) -> None:
    axis.set_major_formatter(PlainTicks())


def spans_decades(values: Sequence[float], ratio: float) -> bool:
    """Whether positive values differ by the ratio; of many values the middle nine tenths decide."""
    if len(values) < 2 or min(values) <= 0:
        return False
    low, high = np.quantile(values, (0.05, 0.95) if len(values) > 20 else (0, 1))
    return bool(high / low >= ratio)


def logarithmic(axes: Axes, which: str) -> None:
    """Makes one axis logarithmic and says so in its name, which must be set already."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(numticks=6))
    axis.set_minor_locator(NullLocator())
    plain_ticks(axis)
    low, high = axis.get_view_interval()
    inside = [tick for tick in axis.get_major_locator().tick_values(low, high) if low <= tick <= high]
    if len(inside) < 2:  # less than a decade or two: 1, 2, 5 instead of powers of ten alone
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
    axis.set_label_text(f"{axis.get_label_text()}, log scale")


def ticks_at(axes: Axes, values: Sequence[float]) -> None:
    """Ticks at the swept values themselves if they are few and far enough apart to be read."""
    ordered = np.unique(np.asarray(values, dtype=float))
    scaled = np.log(ordered) if axes.get_xscale() == "log" else ordered
    if len(ordered) < 2 or len(ordered) > 8:
        return
    if np.diff(scaled).min() < 0.12 * (scaled[-1] - scaled[0]):
        return
    axes.xaxis.set_major_locator(FixedLocator(list(ordered)))
    axes.xaxis.set_minor_locator(NullLocator())


def tidy(axes: Axes, grid: str = "both") -> None:
    """Light grid lines and plain tick labels on linear axes."""
    axes.grid(True, axis=grid)
    axes.tick_params(length=3)
    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        if scale == "linear" and not isinstance(axis.get_major_locator(), FixedLocator):
            axis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
            plain_ticks(axis)
