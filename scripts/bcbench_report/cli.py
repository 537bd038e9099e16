"""The command line of the report."""

from __future__ import annotations

import argparse
import sys
import webbrowser
from pathlib import Path

import jinja2
import matplotlib

from .album import Album
from .comparison import build_comparison, read_comparison
from .outcome import is_complete
from .page import Report, build_report, render_html, render_markdown
from .read import ReportError, read_results
from .style import set_style

EXIT_OK, EXIT_BAD_INPUT, EXIT_INCOMPLETE = 0, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Writes the report; returns 0, 2 (usage or bad input) or 3 (report written of an incomplete run)."""
    options = _parser().parse_args(arguments)
    try:
        return _compared(options) if options.comparison else _report(options)
    except ReportError as error:
        print(f"report: {error}", file=sys.stderr)
    except OSError as error:
        print(
            f"report: {error.filename or options.comparison or options.results}: {error.strerror or error}",
            file=sys.stderr,
        )
    return EXIT_BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="report.py",
        description="Turns a results directory of `bcbench run`, or the JSON of `bcbench compare`, into a "
        "report: report.html (one page, opens anywhere), report.md, and figures/ with SVG, PNG and CSV of "
        "each figure.",
        epilog="Exit codes: 0 done; 2 usage or unreadable results; 3 the report was written, but points "
        f"failed or are missing. {interpreter()}.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "results", type=Path, nargs="?", metavar="RESULTS_DIR", help="directory that `bcbench run` wrote"
    )
    source.add_argument(
        "--comparison",
        type=Path,
        metavar="FILE",
        help="what `bcbench compare BASE CANDIDATE --format json` printed, instead of a directory",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where to write (default: RESULTS_DIR/report, or beside FILE)",
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
    album = _album(out)
    _publish(build_report(results, album, f"{interpreter()}."), album, out, options)
    return EXIT_OK if is_complete(results) else EXIT_INCOMPLETE


def _compared(options: argparse.Namespace) -> int:
    comparison = read_comparison(options.comparison)
    out: Path = options.out or options.comparison.with_name(options.comparison.stem + "-report")
    album = _album(out)
    _publish(build_comparison(comparison, album, f"{interpreter()}."), album, out, options)
    return EXIT_OK


def _album(out: Path) -> Album:
    figures = out / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    set_style()
    return Album(figures, show_progress=sys.stderr.isatty())


def _publish(report: Report, album: Album, out: Path, options: argparse.Namespace) -> None:
    """Writes the page and prints where it is."""
    album.close()
    written = []
    if options.format in ("html", "all"):
        written.append(_write(out / "report.html", render_html(report)))
    if options.format in ("md", "all"):
        written.append(_write(out / "report.md", render_markdown(report)))
    print("\n".join(map(str, written)))
    if options.open:
        webbrowser.open(written[0].resolve().as_uri())


def _write(path: Path, text: str) -> Path:
    """Replaces the file in one step, so that a reader never sees half a page."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="replace")
    part.replace(path)
    return path
