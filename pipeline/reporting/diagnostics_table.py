"""Faults and lengths of every system's outputs, beside those of the people's references of the same examples."""

from collections.abc import Callable
from typing import Any

from pipeline.reporting.cells import Cell, Number, Percent, Text, optional
from pipeline.reporting.page import Column, Columns, Table, build_table

System = dict[str, Any]
REFERENCES = "references"
NOT_SEEN = (
    "Unsupported entities are names and numbers alone: swapped roles, another name of the same input and negations "
    "are not seen."
)


def diagnostics_table(systems: list[System]) -> Table:
    """A row for the references, and one for each system that has outputs."""

    def percent(key: str) -> Callable[[System], Cell | None]:
        return lambda row: optional(Percent, row["diagnostics"].get(key))

    columns: Columns = [
        (Column("system", align="left"), lambda row: Text(row["name"])),
        (Column("truncated", "Stopped at the length limit before the end token."), percent("truncated")),
        (Column("empty", "Nothing but white space."), percent("empty")),
        (Column("repeats", "Three words or more occur twice."), percent("repeats")),
        (
            Column("unsupported entities", "A name, number or speaker tag that the input does not have."),
            percent("unsupported"),
        ),
        (Column("unlisted", "None of the labels."), percent("unlisted")),
        (Column("words", "Mean length."), lambda row: Number(row["diagnostics"]["words"])),
        (
            Column("length ratio", "Mean length relative to the (other) references'."),
            lambda row: optional(Number, row["diagnostics"].get("length_ratio"), 2),
        ),
        (Column("novel bigrams", "Word pairs that the input does not have; 0 is copied."), percent("novel_bigrams")),
    ]
    rows = [row for row in systems if "diagnostics" in row]
    columns = [column for column in columns if any(column[1](row) for row in rows)]  # those of this kind of task
    return build_table("Diagnostics", columns, [*_references(rows), *rows], muted=lambda row: row["name"] == REFERENCES)


def _references(rows: list[System]) -> list[System]:
    """The row of the references: they are the same for all systems."""
    known = [row["reference_diagnostics"] for row in rows if "reference_diagnostics" in row]
    return [{"name": REFERENCES, "diagnostics": known[0]}] if known else []
