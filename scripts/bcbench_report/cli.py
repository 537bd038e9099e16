"""The command line of the report."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from pathlib import Path

import jinja2
import matplotlib

from .album import Album
from .outcome import is_complete
from .page import build_report, render_html, render_markdown
from .read import ReportError, read_results
from .style import set_style

EXIT_OK, EXIT_BAD_INPUT, EXIT_INCOMPLETE = 0, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Writes the report; returns 0, 2 (usage or bad input) or 3 (report written of an incomplete run)."""
    options = _parser().parse_args(arguments)
    try:
        return _report(options)
    except ReportError as error:
        print(f"report: {error}", file=sys.stderr)
    except OSError as error:
        print(f"report: {error.filename or options.results}: {error.strerror or error}", file=sys.stderr)
    return EXIT_BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="report.py",
        description="Turns a results directory of `bcbench run` into a report: report.html (one page, "
        "opens anywhere), report.md, and figures/ with SVG, PNG and the CSV of each figure.",
        epilog="Exit codes: 0 done; 2 usage or unreadable results; 3 the report was written, but points "
        f"failed or are missing. {interpreter()}.",
    )
    parser.add_argument(
        "results", type=Path, metavar="RESULTS_DIR", help="directory that `bcbench run` wrote"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (default: RESULTS_DIR/report)"
    )
    parser.add_argument("--format", choices=("md", "html", "all"), default="all", help="default: all")
    parser.add_argument(
        "--open", action="store_true", help="open the page (or the Markdown file) when it is written"
    )
    return parser


def interpreter() -> str:
    """Which Python and libraries draw the report."""
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"Runs with {sys.executable} (Python {version}), matplotlib {matplotlib.__version__} and "
        f"Jinja2 {jinja2.__version__}"
    )


def _report(options: argparse.Namespace) -> int:
    results = read_results(options.results)
    out: Path = options.out or options.results / "report"
    figures = out / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    set_style()
    album = Album(figures, show_progress=sys.stderr.isatty())
    report = build_report(results, album, f"{interpreter()}.")
    album.close()
    written = []
    if options.format in ("html", "all"):
        written.append(_write(out / "report.html", render_html(report)))
    if options.format in ("md", "all"):
        written.append(_write(out / "report.md", render_markdown(report)))
    print("\n".join(map(str, written)))
    if options.open:
        webbrowser.open(written[0].resolve().as_uri())
    return EXIT_OK if is_complete(results) else EXIT_INCOMPLETE


def _write(path: Path, text: str) -> Path:
    """Replaces the file in one step, so that a reader never sees half a page."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="replace")
    part.replace(path)
    return path
