"""Reads a page back: its tables as cells, and every element and attribute, for the tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path


@dataclass
class ReadCell:
    kind: str
    raw: str
    text: str = ""


@dataclass
class ReadTable:
    title: str = ""
    columns: list[str] = field(default_factory=list)
    rows: list[list[ReadCell]] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        return [row[self.columns.index(name)].text for row in self.rows]


class Page(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tables: list[ReadTable] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.inside = ""
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag == "table":
            self.tables.append(ReadTable())
        elif tag == "th":
            self.tables[-1].columns.append("")
        elif tag == "tr" and self.tables[-1].columns:
            self.tables[-1].rows.append([])
        elif tag == "td":
            self.tables[-1].rows[-1].append(ReadCell(given.get("class", ""), given.get("title", "")))
        if tag in ("th", "td", "caption", "style"):
            self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "th":
            self.tables[-1].columns[-1] += data
        elif self.inside == "td":
            cell = self.tables[-1].rows[-1][-1]
            cell.text = (cell.text + data).strip("\n")
        elif self.inside == "caption":
            self.tables[-1].title += data
        if self.inside != "style":
            self.text += data

    def table(self, title: str) -> ReadTable:
        return next(table for table in self.tables if table.title == title)
