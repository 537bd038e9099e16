"""The page of a comparison: every status in its place, the alarming first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from browser import Browser
from conftest import run_report
from pages import Page
from test_page import OUTSIDE, SCROLLED


def value(
    point: str, metric: str, status: str, base: float | None, candidate: float | None
) -> dict[str, Any]:
    both = base is not None and candidate is not None
    difference = candidate - base if base is not None and candidate is not None else None
    return {
        "point": point,
        "metric": metric,
        "status": status,
        "direction": "higher",
        "base": base,
        "candidate": candidate,
        "difference": difference,
        "relative": difference / abs(base) if both and base and difference is not None else None,
        "tolerance": 1e-12,
        "reason": "" if both else "not finite",
        "decided_over_seeds": ".seed=" in point,
    }


def comparison() -> dict[str, Any]:
    side = {
        "name": "sweep",
        "git_commit": "0123abcd" * 5,
        "git_dirty": False,
        "complete": True,
        "machine": "cpu",
    }
    group = {
        "points": "d.M",
        "metric": "mixing",
        "status": "worse",
        "direction": "higher",
        "n_seeds": 3,
        "base_mean": 0.5,
        "candidate_mean": 0.25,
        "difference": -0.25,
        "low": -0.3,
        "high": -0.2,
        "p": 0.001,
        "p_holm": 0.002,
        "reason": "the mean differs",
    }
    time = {
        "point": "d.A",
        "stage": "fit",
        "n_base": 7,
        "n_candidate": 7,
        "p": 0.001,
        "p_holm": 0.001,
        "reason": "",
    }
    return {
        "schema_version": 1,
        "base": {**side, "directory": "old", "started": "2026-01-01T00:00:00Z"},
        "candidate": {**side, "directory": "new", "started": "2026-01-02T00:00:00Z", "git_dirty": True},
        "identical": False,
        "verdict": "regression",
        "exit_code": 1,
        "counts": {
            "worse": 4,
            "newly failing": 1,
            "missing": 1,
            "better": 1,
            "new": 1,
            "same": 40,
            "fixed": 0,
        },
        "values": [
            value("d.A", "mixing", "worse", 0.5, 0.4),
            value("d.B", "mixing", "newly failing", 0.5, None),
            value("d.C", "", "missing", None, None),
            value("d.D", "mean_shift", "better", 3.0, 1.5),
            value("d.E", "", "new", None, None),
            *(value(f"d.M.seed={seed}", "mixing", "worse", 0.5, 0.25) for seed in range(3)),
        ],
        "seeds": [group],
        "times": [
            {**time, "status": "slower", "ratio": 1.5, "low": 1.4, "high": 1.6},
            {
                **time,
                "stage": "load",
                "status": "too few repeats",
                "ratio": 1.0,
                "low": None,
                "high": None,
                "reason": "too few repeats to say: 1 and 1, at least 4 of each are needed",
            },
        ],
        "notes": ["new: points of the run failed or are missing"],
    }


def write(directory: Path, document: Any) -> Path:
    path = directory / "compare.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def page_of(directory: Path, document: Any) -> Page:
    result = run_report("--comparison", write(directory, document))
    assert result.returncode == 0, result.stderr
    return Page(directory / "compare-report" / "report.html")


def test_the_page_says_what_the_file_says(tmp_path: Path) -> None:
    page = page_of(tmp_path, comparison())
    assert "A regression." in page.text and "points of the run failed" in page.text
    titles = [table.title for table in page.tables]
    assert titles.index("Without two values") < titles.index("Base against candidate")
    lost = page.table("Without two values")
    assert lost.column("status") == ["newly failing", "missing"]
    assert lost.column("metric") == ["mixing", "the whole point"]
    moved = page.table("Base against candidate")
    assert moved.column("status") == ["worse", "better"]
    assert moved.column("point") == ["d.A", "d.D"]
    assert moved.column("of the base") == ["-20 %", "-50 %"]
    assert [cell.kind.split()[0] for cell in (row[0] for row in moved.rows)] == ["bad", "good"]
    seeds = page.table("Means over seeds, paired by seed")
    assert seeds.column("difference") == ["-0.2500"]
    assert seeds.column("95 % interval") == ["-0.3000 to -0.2000"]
    assert page.table("The seeds one by one").column("point") == [f"d.M.seed={seed}" for seed in range(3)]
    times = page.table("Ratio of the times")
    assert times.column("candidate / base") == ["1.5000"]
    assert "1 stages cannot be told: too few repeats to say" in page.text
    assert page.table("With a value now").column("point") == ["d.E"]
    assert page.table("Values").column("status") == [
        "worse",
        "newly failing",
        "missing",
        "better",
        "new",
        "same",
    ]
    assert "with changes that are not committed" in page.table("What was compared").column("candidate")[1]


def test_figures_show_the_same_numbers(tmp_path: Path) -> None:
    page_of(tmp_path, comparison())
    figures = tmp_path / "compare-report" / "figures"
    assert sorted(path.stem for path in figures.glob("*.png")) == ["changes", "seeds", "times"]
    lines = (figures / "changes.csv").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        "d.D,mean_shift,better,3.0,1.5,-0.5",
        "d.A,mixing,worse,0.5,0.4,-0.19999999999999996",
    ]
    assert (
        (figures / "times.csv")
        .read_text(encoding="utf-8")
        .splitlines()[1]
        .startswith("d.A,fit,slower,7,7,1.5,")
    )


def test_the_captions_count_what_has_no_share_of_a_base_of_0(tmp_path: Path) -> None:
    document = comparison()
    assert "for a base of 0" not in page_of(tmp_path, document).text
    document["values"] += [value(f"d.{name}", "mixing", "better", 0.0, 0.5) for name in "YZ"]
    document["seeds"].append({**document["seeds"][0], "metric": "shift", "base_mean": 0.0})
    text = page_of(tmp_path, document).text
    assert "Not shown for a base of 0: 2 values." in text
    assert "Not shown for a base of 0: 1 groups." in text


def test_a_good_comparison_is_short(tmp_path: Path) -> None:
    good = {
        **comparison(),
        "identical": True,
        "verdict": "good",
        "exit_code": 0,
        "counts": {"same": 40},
        "notes": [],
    }
    page = page_of(tmp_path, {**good, "values": [], "seeds": [], "times": []})
    assert [table.title for table in page.tables] == ["Values", "What was compared"]
    assert "Good: no regression." in page.text and "the same byte for byte" in page.text
    assert "★" not in page.text


def test_what_is_no_comparison_is_refused(tmp_path: Path) -> None:
    for document in ([], {}, {"schema_version": 1}, {**comparison(), "schema_version": 2}):
        result = run_report("--comparison", write(tmp_path, document))
        assert result.returncode == 2
        assert result.stderr.count("\n") == 1
    result = run_report("--comparison", tmp_path / "nowhere.json")
    assert result.returncode == 2 and "bcbench compare BASE CANDIDATE --format json" in result.stderr
    assert run_report().returncode == 2
    assert run_report(tmp_path, "--comparison", tmp_path / "compare.json").returncode == 2


def test_odd_values_and_foreign_markup_do_no_harm(tmp_path: Path) -> None:
    document = comparison()
    for row in document["values"]:
        row.update(point="<script>document.title = 'taken'</script>", base="NaN", relative=[], reason=None)
    document["seeds"][0].update(base_mean=0, low=None)
    document["times"][0].update(ratio=-1, n_base=None)
    document["values"].append(7)
    document["notes"] = ["<img src=x onerror=alert(1)>", None]
    page = page_of(tmp_path, document)
    assert "script" not in page.tags and "img" not in page.tags


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_the_window(browser: Browser, tmp_path: Path, width: int) -> None:
    document = comparison()
    document["values"] += [
        value("d" * 80 + f".sigma={i}", "m" * 60, "worse", 1e300, -1e-300) for i in range(30)
    ]
    page_of(tmp_path, document)
    browser.show(tmp_path / "compare-report" / "report.html", width)
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(OUTSIDE) == []
    assert browser.value(SCROLLED) == []
    assert browser.value("document.querySelectorAll('figure svg').length") == 3
