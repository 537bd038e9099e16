"""Bad, odd and half-written results: a clear sentence or a right page, no stack trace, no foreign markup."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Callable

import pytest

from conftest import ROOT, run_report
from pages import Page
from sample import Sample, documented, large

WITHOUT_LIBRARIES = """
import importlib.util, runpy, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == 'jinja2' else found(name, *rest)
sys.executable = sys.base_prefix
sys.argv[0] = {script!r}
runpy.run_path({script!r}, run_name='__main__')
"""
HOSTILE = "<script>alert(1)</script>"
LABELS = [
    HOSTILE,
    '"><img src=x onerror=alert(2)>',
    "Ünïcode µ → 修正",
    "a|b*c_d_`e`",
    "$x^2$",
    "$\\frac{$",
    "-->",
    "[x](javascript:1)",
    "&lt;b&gt;",
    "x" * 80,
]


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.fixture()
def results(tmp_path: Path) -> Path:
    sample = Sample()
    sample.method("A", "a")
    sample.cells(sample.point("d", "A", {"mean_shift": 1.5, "batch_mixing_entropy": 0.25}), 20, 1.0)
    return sample.write(tmp_path / "results")


def refused(directory: Path) -> str:
    result = run_report(directory)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1, "one sentence"
    return result.stderr


def test_what_cannot_be_reported_is_refused_with_a_sentence(results: Path, tmp_path: Path) -> None:
    assert "no such directory" in refused(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "neither metrics.csv nor point files" in refused(tmp_path / "empty")
    edit(results / "metrics.csv", lambda text: text.replace("metric,value", "metric,number"))
    assert "metrics.csv:1: no column 'value'; found: point, dataset" in refused(results)


@pytest.mark.parametrize(
    "file, old, new, message",
    [
        ("metrics.csv", "1.5", "one", "metrics.csv:2: column 'value' holds 'one', not a number"),
        ("metrics.csv", ",1.5,", ",1.5,extra,", "metrics.csv:2: 11 fields where the header has 10"),
        (
            "metrics.csv",
            "batch_mixing_entropy",
            "mean_shift",
            "metrics.csv:3: a second value of 'mean_shift'",
        ),
        ("metrics.csv", ",1.5,", ',"1.5,', "metrics.csv:"),
        ("projections.csv", "pc2", "pc3", "projections.csv:1: no column 'pc2'"),
        (
            "projections.csv",
            "d.A,0,",
            "d.A,0,0,0,x,1\nd.A,0,",
            "projections.csv:2: column 'pc1' holds 'x', not a number",
        ),
    ],
)
def test_a_broken_line_is_named(results: Path, file: str, old: str, new: str, message: str) -> None:
    edit(results / file, lambda text: text.replace(old, new, 1))
    assert message in refused(results)


def test_bytes_that_are_no_text_are_refused(results: Path) -> None:
    (results / "metrics.csv").write_bytes(b"point,dataset,method,metric,value\nd.\xff,d,A,m,1\n")
    assert "metrics.csv: not UTF-8 text" in refused(results)
    (results / "metrics.csv").write_bytes(b"")
    assert "found: an empty file" in refused(results)


def incomplete(directory: Path) -> Page:
    result = run_report(directory)
    assert result.returncode == 3, result.stderr
    page = Page(directory / "report" / "report.html")
    head = page.text.split("Outcome")[0]
    assert re.search("incomplete|failed", head.split(".")[0]), "the first sentence says so"
    assert ("div", "class", "verdict bad") in page.attributes, "and so does the colour"
    return page


def test_a_run_cut_off_before_the_table_is_reported_from_its_point_files(results: Path) -> None:
    (results / "metrics.csv").unlink()
    (results / "manifest.json").unlink()
    page = incomplete(results)
    assert "values come from 1 point files" in page.text
    assert page.table("All metrics").column("A") == ["1.5000", "0.2500"]


def test_a_last_line_cut_off_is_left_out_and_said(results: Path) -> None:
    edit(results / "metrics.csv", lambda text: text[:-20])
    page = incomplete(results)
    assert "metrics.csv:3: the last line is cut off" in page.text
    assert [row[0].text for row in page.table("All metrics").rows] == ["mean_shift"]


def test_a_manifest_or_point_file_that_is_no_json_is_said(results: Path) -> None:
    (results / "points" / "d.A.json").write_text('{"outputs": ')
    (results / "manifest.json").write_text("[" * 100000)
    page = incomplete(results)
    assert "manifest.json: not valid JSON" in page.text and "d.A.json: not valid JSON" in page.text


@pytest.mark.parametrize(
    "change",
    [
        {"status": "incomplete"},
        {"counts": {"expected": 2, "ok": 1, "failed": 1}},
        {"counts": {"expected": 2, "ok": 1, "missing": 1}},
    ],
)
def test_each_way_to_be_incomplete_is_said_and_gives_exit_code_3(
    tmp_path: Path, change: dict[str, object]
) -> None:
    sample = Sample()
    sample.point("d", "A", {"mean_shift": 1.5})
    sample.manifest |= change
    incomplete(sample.write(tmp_path))


def test_problems_are_listed_with_their_reasons(tmp_path: Path) -> None:
    sample = Sample()
    sample.point("d", "A", {"mean_shift": 1.0, "mmd_loss": None}, status="not_applicable")
    sample.point("d", "B", {"mean_shift": None, "mmd_loss": None}, status="failed")
    sample.manifest |= {
        "status": "incomplete",
        "counts": {"expected": 5, "ok": 1, "skipped": 2, "failed": 1, "missing": 1},
    }
    sample.manifest["problems"] = [
        {"point": "d.B", "status": "failed", "reason": "the kernel matrix is singular"},
        {"point": "d.C", "status": "skipped", "reason": "needs two batches"},
        {"point": "d.E", "status": "missing", "reason": ""},
    ]
    page = incomplete(sample.write(tmp_path))
    assert "This run is incomplete: 1 point missing, 1 failed of 5." in page.text
    assert page.table("Points without a result, and why").column("reason") == [
        "the kernel matrix is singular",
        "needs two batches",
        "no reason is recorded",
    ]
    values = {row[0].text: [cell.text for cell in row[2:]] for row in page.table("All metrics").rows}
    assert values == {"mean_shift": ["1", "failed"], "mmd_loss": ["not applicable", "failed"]}


def test_unknown_and_missing_parts_are_no_trouble(tmp_path: Path) -> None:
    sample = Sample()
    sample.point("d", "A", {"never_heard_of(k=3)": 7.25})
    directory = sample.write(tmp_path)
    for name in ("timings.csv", "projections.csv"):
        (directory / name).unlink()
    (directory / "points" / "d.A.json").unlink()
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest |= {"counts": [], "problems": 3, "machine": "none", "config": {"methods": [4, {"label": []}]}}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    result = run_report(directory)
    assert result.returncode == 0
    page = Page(tmp_path / "report" / "report.html")
    assert page.table("All metrics").column("A") == ["7.2500"]
    assert not list((tmp_path / "report" / "figures").glob("*.svg"))


def test_labels_are_never_markup(tmp_path: Path) -> None:
    sample = Sample(name=HOSTILE, purpose=f"Is {HOSTILE} harmless?")
    for index, label in enumerate(LABELS):
        sample.method(label, f"type{index}")
        point = sample.point(
            "d & <i>",
            label,
            {"mean_shift": index + 0.5, f"metric {HOSTILE}": 1.0},
            {f"parameter {HOSTILE}": HOSTILE},
            suffix=f"p{index}",
        )
        sample.points[point]["traces"] = {"step": [1, 2, 3], HOSTILE: [1.0, 2.0, 4.0]}
        sample.cells(point, 20, 1.0)
        sample.time(point, [0.1])
        sample.expected.append([HOSTILE, point, HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE])
    sample.projections = [[*row[:2], HOSTILE, *row[3:]] for row in sample.projections]
    sample.manifest["problems"] = [{"point": HOSTILE, "status": HOSTILE, "reason": HOSTILE}]
    contents, sample.points = sample.points, {}
    directory = sample.write(tmp_path)
    for point, content in contents.items():
        if "/" not in point:
            (directory / "points" / f"{point[:200]}.json").write_text(json.dumps(content))
    assert run_report(directory).returncode in (0, 3)
    page = Page(directory / "report" / "report.html")
    assert not page.tags & {"script", "img", "i", "b", "iframe", "object", "link", "foreignobject"}
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert set(LABELS) <= set(
        page.table("Batch means").column("method")
    ), "and yet all labels are there in full"
    for _, name, value in page.attributes:
        if name in ("href", "xlink:href", "src"):
            assert value.startswith(("#", "figures/", "data:image/png;base64,")), value
    markdown = (directory / "report" / "report.md").read_text(encoding="utf-8")
    own = re.sub(r"^(<details( open)?><summary>[^<>]*</summary>|</details>)$", "", markdown, flags=re.MULTILINE)
    assert "<" not in own and not re.search(r"(?<!\\)\]\(javascript", markdown)
    for figure in (directory / "report" / "figures").glob("*.svg"):
        assert "script" not in figure.read_text(encoding="utf-8")


def test_ten_thousand_points_and_a_hundred_thousand_cells(tmp_path: Path) -> None:
    directory = large().write(tmp_path)
    start = time.process_time()
    result = run_report(directory)
    seconds = time.process_time() - start
    assert result.returncode == 0, result.stderr
    assert seconds < 30, f"{seconds:.1f} s of processor time"  # a busy machine may take longer
    html = directory / "report" / "report.html"
    assert html.stat().st_size < 10_000_000
    text = Page(html).text
    assert "Thinned: 2000 of 50000 cells are drawn, one in 25" in text
    assert "The first 100 of 10000 rows; all of them stand in metrics.csv." in text


def test_figures_that_are_no_longer_drawn_go_and_nothing_else(results: Path) -> None:
    figures = results / "report" / "figures"
    run_report(results)
    before = {path.name for path in figures.iterdir()}
    assert "pca-batch-d.svg" in before
    (figures / "mine.csv").write_text("keep\n")
    (results / "projections.csv").unlink()
    run_report(results)
    after = {path.name for path in figures.iterdir()}
    assert "mine.csv" in after and "pca-batch-d.svg" not in after and "mean-shift-d.svg" in after


def test_formats_and_usage(results: Path, tmp_path: Path) -> None:
    assert run_report(results, "--format", "md", "--out", tmp_path / "md").returncode == 0
    assert sorted(path.name for path in (tmp_path / "md").iterdir()) == ["figures", "report.md"]
    assert run_report().returncode == 2 and run_report(results, "--format", "pdf").returncode == 2
    assert "Exit codes" in run_report("--help").stdout
    assert run_report(results, "--out", results / "metrics.csv").returncode == 2


def test_thin_entry_names_the_interpreter() -> None:
    """Started by itself, or by a Python without the libraries, it runs with Debian's interpreter."""
    script = str(ROOT / "scripts" / "report.py")
    for command in ([script], ["/usr/bin/python3", "-c", WITHOUT_LIBRARIES.format(script=script)]):
        result = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        assert re.search(r"Runs\s+with\s+/usr/bin/python3", result.stdout)


def test_documented_sample_has_every_section(documented_results: Path) -> None:
    page = Page(documented_results / "report" / "report.html")
    titles = [table.title for table in page.tables]
    for title in (
        "Points",
        "What ran",
        "Data",
        "Shapes",
        "Losses",
        "Mixing: batch_mixing_entropy",
        "Batch means",
        "Checks",
        "Seconds per stage",
        "All metrics",
    ):
        assert title in titles
    assert (
        page.table("Data").rows[0][1].text == "(100, 30)" and page.table("Data").rows[0][2].text == "[50 50]"
    )
    assert page.table("Checks").column("gradient_nonzero") == ["True"] * 3
    assert page.table("Losses").column("reconstruction_loss") == ["26.5920", "–"]
    assert (
        documented().manifest["purpose"] in page.text and "with changes that are not committed" in page.text
    )
