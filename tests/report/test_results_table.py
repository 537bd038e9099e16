"""The results table, the trade-off of the two aggregates, and LISI of the cells."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from bcbench_report.trade_off import pareto_front
from browser import Browser
from conftest import run_report
from pages import Page
from sample import DIRECTIONS, Sample, write_csv

KINDS = {
    **dict.fromkeys(("ilisi", "bras", "kbet_per_label", "graph_connectivity"), "mixing"),
    **dict.fromkeys(("clisi", "nmi_kmeans", "silhouette_label"), "biology"),
    **dict.fromkeys(("total", "batch_correction", "bio_conservation"), "aggregate"),
}


@pytest.fixture(autouse=True)
def more_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    for metric in KINDS:
        monkeypatch.setitem(DIRECTIONS, metric, "higher")


def scored(sample: Sample, method: str, batch: float, bio: float, **others: Any) -> str:
    """A point with a value for every metric of the table."""
    values: dict[str, float | None] = {
        metric: batch if kind == "mixing" else bio for metric, kind in KINDS.items() if kind != "aggregate"
    }
    values.update(total=0.4 * batch + 0.6 * bio, batch_correction=batch, bio_conservation=bio)
    values.update(others.pop("values", {}))
    return sample.point("cells", method, values, groups=KINDS, **others)


def compared() -> Sample:
    sample = Sample()
    scored(sample, "Poor", 0.25, 0.5)
    scored(sample, "Mixed", 0.9, 0.3)
    scored(sample, "Good", 0.7, 0.8123456789)
    scored(sample, "Part", 0.5, 0.5, values={"kbet_per_label": None, "total": None}, status="not_applicable")
    scored(sample, "Types", 0.6, 1.0, control=True)
    for theta in (1, 2):
        scored(sample, "Swept", 0.4 * theta, 0.9 - 0.1 * theta, params={"theta": theta}, suffix=f"theta={theta}")
    return sample


def figure_rows(directory: Path, name: str) -> list[dict[str, str]]:
    with (directory / "report" / "figures" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_results_table_is_sorted_by_total_with_controls_apart(tmp_path: Path) -> None:
    assert run_report(compared().write(tmp_path)).returncode == 0
    rows = figure_rows(tmp_path, "results-table-cells")
    assert list(dict.fromkeys(row["method"] for row in rows)) == ["Good", "Swept", "Mixed", "Poor", "Part", "Types"]
    assert {row["method"] for row in rows if row["control"] == "yes"} == {"Types"}
    values = {(row["method"], row["metric"]): row["value"] for row in rows}
    assert values["Good", "clisi"] == "0.8123456789"
    assert values["Part", "kbet_per_label"] == ""
    for suffix in ("svg", "png"):
        assert (tmp_path / "report" / "figures" / f"results-table-cells.{suffix}").stat().st_size > 5000


def test_the_results_table_says_values_in_full_and_why_there_is_none(tmp_path: Path) -> None:
    run_report(compared().write(tmp_path))
    for text in (
        (tmp_path / "report" / "figures" / "results-table-cells.svg").read_text(encoding="utf-8"),
        (tmp_path / "report" / "report.html").read_text(encoding="utf-8"),
    ):
        titles = re.findall(r"<title>([^<]*)</title>", text)
        assert "Good, clisi: 0.8123456789" in titles
        assert "Part, kbet_per_label: not applicable" in titles


def test_a_metric_beyond_one_and_too_few_metrics_make_no_column_and_no_table(tmp_path: Path) -> None:
    sample = Sample()
    for method in ("A", "B"):
        values: dict[str, float | None] = {"clisi": 0.5, "ilisi": 2.5, "bras": 0.1}
        sample.point("cells", method, values, groups=KINDS)
    run_report(sample.write(tmp_path))
    assert not (tmp_path / "report" / "figures" / "results-table-cells.csv").exists()


def test_the_pareto_front_has_what_nothing_beats() -> None:
    points = [(0.1, 0.9), (0.5, 0.5), (0.4, 0.4), (0.9, 0.1), (0.5, 0.3), (0.5, 0.5)]
    assert sorted(pareto_front(points)) == [0, 1, 3, 5]
    assert pareto_front([(0.2, 0.2), (0.2, 0.1), (0.1, 0.2)]) == [0]


def test_the_trade_off_marks_the_front_over_settings_and_without_controls(tmp_path: Path) -> None:
    run_report(compared().write(tmp_path))
    rows = figure_rows(tmp_path, "trade-off-cells")
    front = {row["method"] for row in rows if row["pareto"] == "yes"}
    assert front == {"Mixed", "Swept (theta = 2)", "Good"}
    assert {row["method"] for row in rows if row["ranked"] == "no"} == {"Types"}
    assert len(rows) == 7


def test_lisi_of_each_cell_is_drawn_where_the_results_have_it(tmp_path: Path) -> None:
    sample = Sample()
    point = scored(sample, "Good", 0.5, 0.5)
    bare = scored(sample, "Bare", 0.5, 0.4)
    for each in (point, bare):
        sample.cells(each, 60, 1.0)
    directory = sample.write(tmp_path)
    (directory / "per_cell").mkdir()
    lisi = [1 + cell % 2 for cell in range(60)]
    write_csv(
        directory / "per_cell" / f"{point}.csv",
        ["cell", "batch", "type", "ilisi", "bras"],
        [(cell, "a", "x", value if cell else "", 0.5) for cell, value in enumerate(lisi)],
    )
    outcome = run_report(directory)
    assert outcome.returncode == 0, outcome.stderr
    cells = figure_rows(directory, "ilisi-cells-1-cells")
    assert [row["lisi"] for row in cells[:3]] == ["", "2.0", "1.0"]
    assert {row["panel"] for row in cells} == {"Good"} and len(cells) == 60
    steps = figure_rows(directory, "ilisi-cells-1-histogram")
    assert sum(int(row["cells"]) for row in steps) == 59
    assert int(steps[0]["cells"]) == 29 and int(steps[-1]["cells"]) == 30
    assert not (directory / "report" / "figures" / "clisi-cells-1-cells.csv").exists()
    assert "LISI of each cell" in Page(directory / "report" / "report.html").text


def test_a_damaged_file_of_values_per_cell_is_told(tmp_path: Path) -> None:
    sample = Sample()
    point = scored(sample, "Good", 0.5, 0.5)
    directory = sample.write(tmp_path)
    (directory / "per_cell").mkdir()
    (directory / "per_cell" / f"{point}.csv").write_text("cell,ilisi\n0,much\n")
    outcome = run_report(directory)
    assert outcome.returncode != 0
    assert f"{point}.csv:2" in outcome.stderr and "ilisi" in outcome.stderr


@pytest.mark.parametrize("width", [390, 1200])
def test_the_results_table_can_be_read_on_a_phone(browser: Browser, tmp_path: Path, width: int) -> None:
    run_report(compared().write(tmp_path))
    browser.show(tmp_path / "report" / "report.html", width)
    assert browser.value("document.documentElement.scrollWidth") <= width
    box = "document.querySelector('#results-table-cells .broad')"
    drawn = browser.value(f"{box}.querySelector('svg').getBoundingClientRect().width")
    assert drawn > 600  # pixels: as wide as its letters want it
    assert browser.value(f"{box}.scrollWidth > {box}.clientWidth") == (width == 390)
