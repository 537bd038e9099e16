"""What is marked as best: nothing that collapsed, and nothing on another scale at each value of a parameter."""

from __future__ import annotations

from pathlib import Path

from conftest import run_report
from pages import Page
from sample import Sample


def page_of(sample: Sample, directory: Path) -> Page:
    outcome = run_report(sample.write(directory))
    assert outcome.returncode == 0, outcome.stderr
    return Page(directory / "report" / "report.html")


def test_what_collapsed_is_marked_and_never_the_best(tmp_path: Path) -> None:
    sample = Sample()
    sample.point("two", "Good", {"batch_mixing_entropy": 0.6, "mean_shift": 0.125})
    sample.point("two", "Poor", {"batch_mixing_entropy": 0.5, "mean_shift": 0.25})
    sample.point("two", "Gone", {"batch_mixing_entropy": 0.69, "mean_shift": 0.0, "collapsed": 2.5e-30})
    page = page_of(sample, tmp_path)
    table = page.table("Batch means")
    assert table.column("method") == ["Good", "Poor", "Gone (collapsed)"]
    assert table.column("mean_shift") == ["0.1250 ★", "0.2500", "0.0000"]
    mixing = page.table("Mixing: batch_mixing_entropy")
    assert mixing.column("batch_mixing_entropy") == ["0.6000 ★", "0.5000", "0.6900"]
    assert "Collapsed: Gone keeps 2.5e-30 of the variance of the input." in page.text


def test_a_collapsed_seed_takes_its_setting_out_of_the_ranking(tmp_path: Path) -> None:
    sample = Sample()
    for rate, shifts in ((0.1, (0.5, 0.75)), (3, (0.0, 0.25)), (0.2, (1.0, 1.5))):
        for seed, shift in enumerate(shifts):
            values: dict[str, float | None] = {"mean_shift": shift}
            if shift == 0.0:
                values["collapsed"] = 0.0
            sample.point("two", "MMD", values, {"rate": rate}, seed, suffix=f"rate={rate}.seed={seed}")
    page = page_of(sample, tmp_path)
    table = next(table for table in page.tables if "rate" in table.columns and "mean_shift" in table.columns)
    marked = dict(zip(table.column("rate"), table.column("mean_shift")))
    assert [rate for rate, text in marked.items() if "★" in text] == ["0.1"]


def test_a_loss_is_not_compared_over_the_parameter_that_defines_it(tmp_path: Path) -> None:
    sample = Sample()
    for method, width in (("Fixed", 1.0), ("Swept", 1.0), ("Swept", 100.0)):
        values: dict[str, float | None] = {"mmd_loss": 0.5 / width, "mean_shift": width}
        sample.point(
            "two",
            method,
            values,
            {"kernel_bandwidth": width, "rank": 1},
            suffix=f"w={width}",
            defined_by={"mmd_loss": "kernel_bandwidth"},
        )
    page = page_of(sample, tmp_path)
    sweep = next(table for table in page.tables if "kernel_bandwidth" in table.columns)
    assert not any("★" in text for text in sweep.column("mmd_loss"))
    assert any("★" in text for text in sweep.column("mean_shift"))
    assert "mmd_loss is defined by kernel_bandwidth: its values do not compare over this sweep." in page.text


def test_over_other_parameters_such_a_loss_has_its_best(tmp_path: Path) -> None:
    sample = Sample()
    for rate in (1, 2):
        sample.point(
            "two",
            "MMD",
            {"mmd_loss": 0.5 / rate},
            {"kernel_bandwidth": 1.0, "rate": rate},
            suffix=f"r={rate}",
            defined_by={"mmd_loss": "kernel_bandwidth"},
        )
    sweep = next(table for table in page_of(sample, tmp_path).tables if "rate" in table.columns)
    assert sweep.column("mmd_loss") == ["0.5000", "0.2500 ★"]
