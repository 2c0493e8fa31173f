"""The model of a page: the comparison, a sweep and a pull request are all built from these and rendered twice.

markdown.py and html.py render it. A block that only one of them can show (the side-by-side reader, a chart) is left out
by the other.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.reporting.cells import Cell, Code, Missing


@dataclass(frozen=True)
class Strong:
    """Emphasized words."""

    text: str


@dataclass(frozen=True)
class Link:
    text: str
    address: str


Words = str | Strong | Code | Link


@dataclass(frozen=True)
class Prose:
    """A paragraph; a note is small print about the table or chart above it."""

    words: tuple[Words, ...]
    note: bool = False


def prose(*words: Words) -> Prose:
    return Prose(words)


def note(*words: Words) -> Prose:
    return Prose(words, note=True)


@dataclass(frozen=True)
class Column:
    """meaning: one sentence, shown as a tooltip and in the legend below the table; empty where the title says it."""

    title: str
    meaning: str = ""
    align: Literal["left", "right"] = "right"
    wrap: bool = False


@dataclass(frozen=True)
class Row:
    """muted: a reference point rather than a result."""

    cells: tuple[Cell, ...]
    muted: bool = False


@dataclass(frozen=True)
class Table:
    """name: what the table shows, for screen readers; as a heading too where show_name says so."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    show_name: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"{self.name}: a row of {len(row.cells)} cells in {len(self.columns)} columns")


# Each column with the cell that it makes of an item; None is missing.
Columns = list[tuple[Column, Callable[[Any], Cell | None]]]


def build_table(
    name: str,
    columns: Columns,
    items: Iterable[Any],
    *,
    show_name: bool = False,
    muted: Callable[[Any], bool] = lambda item: False,
) -> Table:
    """A table with a row for each item."""
    rows = [Row(tuple(cell(item) or Missing() for _, cell in columns), muted(item)) for item in items]
    return Table(name, tuple(column for column, _ in columns), tuple(rows), show_name)


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification, drawn on the HTML page; its description is what a screen reader says."""

    name: str
    caption: str
    specification: dict[str, Any]


@dataclass(frozen=True)
class SideBySide:
    """Charts in two columns, on a phone below each other."""

    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Image:
    description: str
    address: str


@dataclass(frozen=True)
class Warnings:
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Alert:
    """What makes the numbers below unreliable: red on the HTML page, bold in Markdown."""

    text: str


@dataclass(frozen=True)
class Fold:
    """Blocks that open on a click."""

    title: str
    blocks: tuple["Block", ...]


@dataclass(frozen=True)
class Reader:
    """Every example with its references and every system's output, with search and order; HTML only."""

    systems: list[str]
    examples: list[dict[str, Any]]


Block = Prose | Table | Chart | SideBySide | Image | Warnings | Alert | Fold | Reader


@dataclass(frozen=True)
class Section:
    """Without a title its blocks continue the section before."""

    title: str
    blocks: tuple[Block, ...]
    html_only: bool = False


@dataclass(frozen=True)
class Page:
    """headline: the result in a few sentences. footer: what made the page."""

    title: str
    about: str
    headline: tuple[Prose, ...]
    sections: tuple[Section, ...]
    footer: str = ""
    heading: str = field(default="")  # above the page in a browser; the title where it is empty


def section(title: str, *blocks: Block | None, html_only: bool = False) -> Section:
    """A section of those blocks that there are."""
    return Section(title, tuple(block for block in blocks if block is not None), html_only)


def counted(count: int, noun: str) -> str:
    """`1 score`, `2 scores`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
