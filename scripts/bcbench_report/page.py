"""Sets the report together: sections of tables and figures, rendered as HTML and as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .album import Album, Picture
from .cells import Table
from .charts import draw_scores, draw_times
from .curves import draw_sweep, draw_traces
from .data_tables import data_tables
from .kinds import AGGREGATE, MEANS, MIXING
from .lisi import draw_lisi, lisi_metrics
from .outcome import Verdict, expected_tables, machine_table, outcome_tables, verdict_of
from .read import Results, read_per_cell, read_projections
from .results_table import draw_results_table
from .scatter import draw_scatter, grids_of
from .style import Look, looks_of
from .study import Study, study_of
from .tables import (
    aggregate_tables,
    biology_tables,
    check_tables,
    collapse_notes,
    further_tables,
    loss_tables,
    mean_tables,
    metric_tables,
    mixing_tables,
    sweep_tables,
    sweep_title,
    untrained_notes,
)
from .times import time_tables, times_of
from .trade_off import draw_trade_off

TEMPLATES = Path(__file__).parent / "templates"
MAX_SWEEPS = 12


@dataclass
class Section:
    title: str
    tables: list[Table] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    name: str
    purpose: str
    precision: str
    verdict: Verdict
    sections: list[Section]
    footer: str
    ranked: bool = True  # the legend speaks of best and derived values


def build_report(results: Results, album: Album, footer: str) -> Report:
    """Draws the figures into the album and collects what the page shows; empty sections are left out."""
    sections = _sections(results, album)
    if album.unknown_letters:
        letters = " ".join(sorted(album.unknown_letters)[:20])
        sections.append(
            Section(
                "Letters",
                notes=[
                    f"No installed font draws these letters: {letters}. Figures show a "
                    "box for each; the tables are right."
                ],
            )
        )
    text = {key: str(results.manifest.get(key) or "") for key in ("name", "purpose", "precision")}
    return Report(
        text["name"] or results.directory.resolve().name,
        text["purpose"],
        text["precision"],
        verdict_of(results),
        [section for section in sections if _has_content(section)],
        footer,
    )


def _has_content(section: Section) -> bool:
    return bool(section.tables or section.pictures or section.notes)


def _sections(results: Results, album: Album) -> list[Section]:
    """What came out first, with its figures; what was run, on what, and what was documented last."""
    study, read = study_of(results), results.point
    looks = looks_of(study)
    times = times_of(study, results.timings)
    untrained = untrained_notes(study, read) + collapse_notes(study)
    wanted = {group.points[0] for groups in grids_of(study) for group in groups}
    projections = read_projections(results.directory, wanted, results.warnings)
    per_cell = read_per_cell(results.directory, wanted, lisi_metrics(study), results.warnings)
    mixing = study.metrics_of(MIXING)
    shifts = [metric for metric in study.metrics_of(MEANS) if study.directions[metric] != "info"]
    sections = [
        _drawn(
            album,
            "Aggregates",
            aggregate_tables(study),
            _draw_aggregates(album, study, looks),
        ),
        _drawn(
            album,
            "Batch mixing",
            mixing_tables(study),
            draw_scores(album, study, looks, mixing) + untrained,
        ),
        Section("Biology", biology_tables(study)),
        _drawn(album, "Batch means", mean_tables(study), draw_scores(album, study, looks, shifts)),
        _drawn(album, "Cells in two dimensions", [], draw_scatter(album, study, projections, read)),
        _drawn(album, "LISI of each cell", [], draw_lisi(album, study, looks, projections, per_cell)),
    ]
    documented = {line.metric for line in results.expected if line.section.startswith("sweep")}
    for sweep in study.sweeps[:MAX_SWEEPS]:
        sections.append(
            _drawn(
                album,
                sweep_title(study, sweep),
                sweep_tables(study, sweep, documented),
                draw_sweep(album, study, sweep, looks),
            )
        )
    if len(study.sweeps) > MAX_SWEEPS:
        sections[-1].notes.append(f"Shown are the first {MAX_SWEEPS} of {len(study.sweeps)} sweeps.")
    sections += [
        _drawn(album, "Curves", [], draw_traces(album, study, looks, read)),
        _drawn(album, "Time", time_tables(study, times), draw_times(album, study, looks, times)),
        Section("Losses", loss_tables(study), notes=untrained),
        Section("Further metrics", further_tables(study)),
        Section("Gradients and implementations", check_tables(study, read)),
        Section("Method against metric", metric_tables(study)),
        Section("Data and methods", data_tables(study, read)),
        Section("Documented against reproduced", expected_tables(results)),
        Section("Program and machine", [machine_table(results)]),
    ]
    return [Section("Outcome", outcome_tables(results)), *sections]  # last, when every file has been read


def _draw_aggregates(album: Album, study: Study, looks: dict[str, Look]) -> list[str]:
    notes = draw_results_table(album, study)
    draw_trade_off(album, study, looks)
    return notes + draw_scores(album, study, looks, study.metrics_of(AGGREGATE), by_total=True)


def _drawn(album: Album, title: str, tables: list[Table], notes: list[str]) -> Section:
    """A section with the figures that were drawn just now."""
    pictures = album.take()
    return Section(title, tables, pictures, notes)


def render_html(report: Report) -> str:
    """One page without scripts and without anything to load; every text is escaped by the template."""
    environment = _environment(autoescape=True)
    environment.filters["breakable"] = breakable
    environment.tests["unbroken"] = is_unbroken
    style = Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))
    return environment.get_template("page.html.j2").render(
        report=report, style=style, drawing=lambda picture: Markup(picture.svg)
    )


def render_markdown(report: Report) -> str:
    environment = _environment(autoescape=False)
    environment.filters["md"] = markdown_text
    return environment.get_template("page.md.j2").render(report=report)


def _environment(autoescape: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


BREAK = re.compile(r"([_/=]|(?<!\d)\.)(?=\w)")
LONGEST_WORD = 24  # letters that a table may be asked to keep together


def is_unbroken(text: str) -> bool:
    """Whether some piece of the text is so long that a table must be free to break it anywhere."""
    return any(len(piece) > LONGEST_WORD for word in text.split() for piece in BREAK.split(word))


def breakable(text: str) -> Markup:
    """The text, escaped; long names may break after underscores, dots and signs, numbers may not."""
    return Markup(BREAK.sub(r"\1<wbr>", str(Markup.escape(text))))


def markdown_text(text: str) -> str:
    """The text on one line with every sign that Markdown or HTML would act on made harmless."""
    line = " ".join(text.split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*\[\]|~#!])|(?<!\w)_|_(?!\w)", lambda match: "\\" + match[0], line)
