"""The figures of a report: each is stored as SVG, PNG and the CSV it was drawn from, and set in the page."""

from __future__ import annotations

import csv
import io
import re
import sys
import warnings
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .style import INK, PAPER, RULE

LISTING = "files.txt"  # what the last report wrote here, so that the next one removes what it no longer draws
PNG_DPI = 160
BROAD = 6.5  # inches


@dataclass(frozen=True)
class Picture:
    """`svg` is the drawing for the page: no size, no metadata, ids of its own, page colours as variables.

    `broad`: as small as a phone its letters could not be read; there it is moved sideways.
    """

    slug: str
    title: str
    caption: str
    svg: str
    broad: bool = False


@dataclass
class Album:
    directory: Path
    pictures: list[Picture] = field(default_factory=list)
    unknown_letters: set[str] = field(default_factory=set)
    show_progress: bool = False
    _taken: int = 0

    def add(
        self,
        figure: Figure,
        name: str,
        title: str,
        caption: str,
        columns: Sequence[str],
        data: Iterable[Sequence[object]],
        hover: Mapping[str, str] | None = None,
    ) -> None:
        """Stores a figure. `data` is what was drawn, row by row; `name` may hold any characters.

        `hover` has what is shown where one points at the artist with that gid.
        """
        slug = self._slug(name)
        if self.show_progress:
            print(f"\r\033[Kfigure {len(self.pictures) + 1}: {slug}", end="", file=sys.stderr, flush=True)
        FigureCanvasAgg(figure)
        text = io.StringIO()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            figure.draw_without_rendering()  # lays the figure out once for both formats
            figure.set_layout_engine("none")
            figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
            figure.savefig(self.directory / f"{slug}.png", dpi=PNG_DPI, metadata={"Software": None})
        self._note_letters([str(warning.message) for warning in caught])
        svg = _with_titles(_without_comments(text.getvalue()), hover or {})
        (self.directory / f"{slug}.svg").write_text(svg, encoding="utf-8")
        with (self.directory / f"{slug}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(data)
        broad = figure.get_figwidth() > BROAD
        self.pictures.append(Picture(slug, title, caption, _for_page(svg, slug, title), broad))

    def take(self) -> list[Picture]:
        """The figures added since the last call."""
        taken, self._taken = self.pictures[self._taken :], len(self.pictures)
        return taken

    def close(self) -> None:
        """Removes the figures of an earlier report that this one did not draw, and those alone."""
        if self.show_progress and self.pictures:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        written = {
            f"{picture.slug}{suffix}" for picture in self.pictures for suffix in (".svg", ".png", ".csv")
        }
        listing = self.directory / LISTING
        if listing.is_file():
            for name in set(listing.read_text(encoding="utf-8").split("\n")) - written:
                if re.fullmatch(r"[a-z0-9_-]+\.(svg|png|csv)", name):
                    (self.directory / name).unlink(missing_ok=True)
        listing.write_text("\n".join(sorted(written)) + "\n", encoding="utf-8")

    def _slug(self, name: str) -> str:
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "figure"
        used = {picture.slug for picture in self.pictures}
        candidates = [slug, *(f"{slug}-{number}" for number in range(2, len(used) + 3))]
        return next(candidate for candidate in candidates if candidate not in used)

    def _note_letters(self, messages: list[str]) -> None:
        for message in messages:
            missing = re.match(r"Glyph (\d+) ", message)
            if missing:
                self.unknown_letters.add(chr(int(missing[1])))


def _without_comments(svg: str) -> str:
    """matplotlib repeats every label as a comment and adds metadata; neither belongs into the file."""
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)


def _with_titles(svg: str, hover: Mapping[str, str]) -> str:
    """Browsers show the title of what one points at."""
    return re.sub(
        r'<g id="([^"]*)">',
        lambda found: found[0] + (f"<title>{escape(hover[found[1]])}</title>" if found[1] in hover else ""),
        svg,
    )


def _for_page(svg: str, slug: str, title: str) -> str:
    """The drawing as an element of the page. The title is escaped by the template, not here."""
    body = svg[svg.index("<svg") :]
    root_end = body.index(">") + 1
    box = re.search(r'viewBox="([^"]*)"', body[:root_end])
    body = body[root_end:]
    body = re.sub(r'\bid="([^"]*)"', rf'id="{slug}-\1"', body)
    body = re.sub(r'href="#([^"]*)"', rf'href="#{slug}-\1"', body)
    body = re.sub(r"url\(#([^)]*)\)", rf"url(#{slug}-\1)", body)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    for colour, variable in ((INK, "ink"), (RULE, "rule"), (PAPER, "card")):
        body = body.replace(colour, f"var(--{variable})")
    return (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box[1] if box else ""}" '
        f'role="img" aria-labelledby="{slug}-title">{body}'
    )
