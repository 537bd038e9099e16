"""Every number in the tables stands in the results files, and what is derived is derived rightly."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from statistics import fmean, median, stdev

import pytest

from bcbench_report.cells import plus_minus
from conftest import run_report
from pages import Page
from sample import Sample

NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?")


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def written_forms(text: str) -> set[str]:
    """The ways a stored number may be written on the page."""
    try:
        value = float(text)
    except ValueError:
        return {text}
    forms = {text, f"{value:.4f}", f"{value:+.4f}", f"{value:.3e}", f"{value:.6g}"}
    return forms | {str(int(value))} if value == int(value) else forms


def allowed_numbers(directory: Path) -> set[str]:
    stored = {row["value"] for row in read_csv(directory / "metrics.csv")}
    for row in read_csv(directory / "expected.csv"):
        stored |= {row["printed"], row["reproduced"], row["value"]}
    return set().union(*map(written_forms, stored))


def test_every_value_stands_in_the_files(documented_results: Path) -> None:
    page = Page(documented_results / "report" / "report.html")
    allowed = allowed_numbers(documented_results)
    values = [
        cell for table in page.tables for row in table.rows for cell in row if "value" in cell.kind.split()
    ]
    assert len(values) > 100
    for cell in values:
        text = cell.text.replace(" ★", "").strip()
        assert text in allowed, f"{text!r} stands nowhere in metrics.csv or expected.csv"
        if cell.raw:
            assert cell.raw in allowed, f"{cell.raw!r} (in full) stands nowhere"


def test_no_number_hides_in_a_cell_of_another_kind(documented_results: Path) -> None:
    """A cell that is neither value nor derived, count, output or parameter holds no number of its own."""
    page = Page(documented_results / "report" / "report.html")
    known = {"value", "derived", "count", "output", "parameter"}
    for table in page.tables:
        if table.title in ("What ran", "Methods"):
            continue
        for row in table.rows:
            for cell in row:
                if not known & set(cell.kind.split()):
                    assert not NUMBER.fullmatch(cell.text), f"{table.title}: {cell.text}"


def test_differences_are_ours_less_the_documented(documented_results: Path) -> None:
    page = Page(documented_results / "report" / "report.html")
    stored = {
        (row["point"], row["metric"], row["printed"]): row
        for row in read_csv(documented_results / "expected.csv")
    }
    seen = 0
    for table in page.tables:
        if "equal as printed" not in table.columns:
            continue
        for row in table.rows:
            line = stored[row[0].text, row[1].text, row[2].text]
            assert row[3].text == line["reproduced"] and row[5].text == line["equal"]
            if line["value"]:
                difference = float(line["value"]) - float(line["printed"])
                assert float(row[4].text) == pytest.approx(difference, rel=0.06, abs=1e-12)
                seen += 1
    assert seen == 17


def test_the_best_value_is_marked_by_its_direction(documented_results: Path) -> None:
    table = Page(documented_results / "report" / "report.html").table("All metrics")
    by_metric = {row[0].text: row for row in table.rows}
    marked = {
        metric: [table.columns[i] for i, cell in enumerate(row) if "★" in cell.text]
        for metric, row in by_metric.items()
    }
    assert marked["mean_shift"] == ["MMD"]  # lower is better
    assert marked["batch_mean_0"] == []  # neither direction
    assert marked["batch_mixing_entropy"] == []  # all the same


def test_seeds_become_mean_and_standard_deviation(tmp_path: Path) -> None:
    sample = Sample()
    sample.method("Harmony", "differentiable_harmony")
    shifts = [0.5, 0.75, 0.9]
    for seed, shift in enumerate(shifts):
        sample.point(
            "cells",
            "Harmony",
            {"mean_shift": shift, "batch_mixing_entropy": 0.1 if seed else None},
            {"dataset.seed": 10 + seed},
            seed=seed,
            suffix=f"seed={seed}",
            status="failed",
        )
    run_report(sample.write(tmp_path), "--format", "html")
    table = Page(tmp_path / "report" / "report.html").table("All metrics")
    rows = {row[0].text: row[2] for row in table.rows}
    assert rows["mean_shift"].text == f"{fmean(shifts):.4f} ± {stdev(shifts):.4f} (n = 3)"
    assert rows["mean_shift"].kind == "derived"
    assert rows["batch_mixing_entropy"].text == "0.1000 ± 0.0000 (n = 2 of 3)"


@pytest.mark.parametrize(
    "mean, spread, text",
    [
        (0.5, 0.0000123, "0.500000 ± 0.000012"),
        (0.25, 0.125, "0.2500 ± 0.1250"),
        (2.34e-6, 1.2e-8, "(2.340 ± 0.012)e-06"),
        (1.5e9, 2.5e8, "(1.500 ± 0.250)e+09"),
        (0.0, 0.0, "0 ± 0"),
    ],
)
def test_both_parts_of_a_spread_have_one_notation(mean: float, spread: float, text: str) -> None:
    assert plus_minus(mean, spread) == text


def test_mixing_is_set_against_the_uncorrected_cells(tmp_path: Path) -> None:
    """Known by the type of the method, whatever its label."""
    sample = Sample()
    for label, kind, value in (("A", "a", 0.3), ("None", "uncorrected", 0.1), ("B", "b", 0.05)):
        sample.method(label, kind)
        sample.point("cells", label, {"batch_mixing_entropy": value})
    run_report(sample.write(tmp_path), "--format", "html")
    table = Page(tmp_path / "report" / "report.html").table("Mixing: batch_mixing_entropy")
    assert table.column("vs uncorrected") == ["+0.2000", "baseline", "-0.0500"]


def test_parameters_that_do_not_vary_are_hidden(documented_results: Path) -> None:
    page = Page(documented_results / "report" / "report.html")
    sweeps = [table for table in page.tables if table.title == "Values"]
    assert [table.columns[0] for table in sweeps] == ["n_iterations", "kernel_bandwidth"]
    assert sweeps[0].column("n_iterations") == ["1", "5", "10", "20"]
    assert all("n_clusters" not in table.columns and "latent_dim" not in table.columns for table in sweeps)
    assert "The same at every setting: reconstruction_loss = 26.5920" in page.text


def test_times_are_medians(documented_results: Path) -> None:
    table = Page(documented_results / "report" / "report.html").table("Seconds per stage")
    seconds = [
        float(row["seconds"])
        for row in read_csv(documented_results / "timings.csv")
        if row["point"] == "two_batch.MMD" and row["stage"] == "fit"
    ]
    row = table.column("method").index("MMD")
    assert (
        table.column("fit")[row] == f"{median(seconds):.3g} ({min(seconds):.3g} to {max(seconds):.3g}, n = 3)"
    )


def test_markdown_has_the_same_tables(documented_results: Path) -> None:
    """Cell by cell, after taking the marks off."""
    page = Page(documented_results / "report" / "report.html")
    lines = (documented_results / "report" / "report.md").read_text(encoding="utf-8").split("\n")
    rows = [
        [re.sub(r"\\|\*|★|&\w+;", "", cell).strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if line.startswith("|")
    ]
    expected = []
    for table in page.tables:
        expected += [table.columns, ["---"] * len(table.columns)]
        expected += [[cell.text.replace("★", "") for cell in row] for row in table.rows]
    assert rows == [[cell.replace("*", "").strip() for cell in row] for row in expected]


def test_a_sweep_inside_one_method_is_found_whatever_its_labels(tmp_path: Path) -> None:
    """Two swept parameters, another label, no help from the names: still a table and figures."""
    sample = Sample()
    for alpha in (0.001, 0.1, 10.0):
        for beta in (1, 2):
            sample.point(
                "d",
                "M",
                {"anything": alpha * beta},
                {"alpha": alpha, "beta": beta, "fixed": 3},
                suffix=f"alpha={alpha}.beta={beta}",
            )
    run_report(sample.write(tmp_path))
    table = Page(tmp_path / "report" / "report.html").table("Values")
    assert table.columns == ["alpha", "beta", "anything"]
    names = {path.stem for path in (tmp_path / "report" / "figures").glob("sweep-*.csv")}
    assert names == {"sweep-d-m-alpha", "sweep-d-m-beta", "sweep-map-d-m"}
    drawn = read_csv(tmp_path / "report" / "figures" / "sweep-d-m-alpha.csv")
    assert {(float(row["alpha"]), float(row["mean"])) for row in drawn} == {
        (alpha, alpha * beta) for alpha in (0.001, 0.1, 10.0) for beta in (1, 2)
    }


def test_the_same_results_give_the_same_report(tmp_path: Path) -> None:
    sample = Sample()
    sample.cells(sample.point("d", "A", {"mean_shift": 0.5}), 600, 1.0)
    directory = sample.write(tmp_path / "results")
    for out in ("one", "two"):
        run_report(directory, "--out", tmp_path / out)
    names = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(names) > 10
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
