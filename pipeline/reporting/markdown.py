"""A page as Markdown, for pull requests and terminals. Tables read well as plain text too."""

import re
from collections.abc import Iterable

from pipeline.reporting.cells import Code, Shaded
from pipeline.reporting.page import (
    Alert,
    Block,
    Column,
    Fold,
    Image,
    Link,
    Page,
    Prose,
    Strong,
    Table,
    Warnings,
    Words,
)


def render(page: Page, level: int = 1, legends: bool = True) -> str:
    """level: of the title's heading. legends: whether the meaning of columns is listed, folded, below each table."""
    parts = [f"{'#' * level} {page.title}", page.about, "\n".join(_words(line) for line in page.headline)]
    for section in page.sections:
        blocks = [_block(block, level + 2, legends) for block in section.blocks]
        if any(blocks) and not section.html_only:
            parts += [f"{'#' * (level + 1)} {section.title}" if section.title else "", *blocks]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def _block(block: Block, level: int, legends: bool) -> str:
    match block:
        case Prose():
            return _words(block)
        case Table():
            heading = f"{'#' * level} {block.name}\n\n" if block.show_name else ""
            return heading + table(block) + (_legend(block.columns) if legends else "")
        case Image():
            return f"![{block.description}]({block.address})"
        case Warnings():
            return "\n".join(f"- {line}" for line in block.lines)
        case Alert():
            return f"**{block.text}**"
        case Fold():
            inside = "\n\n".join(_block(one, level, legends).rstrip("\n") for one in block.blocks)
            return _fold(block.title, inside)
        case _:  # charts and the reader need a browser
            return ""


def table(table: Table) -> str:
    """A Markdown table, padded to read well as text; a first column without a meaning of its own is to the left."""
    header = [column.title.replace("|", "\\|") for column in table.columns]
    rows = [header, *([_cell(cell) for cell in row.cells] for row in table.rows)]
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*rows)]
    left = [column.align == "left" for column in table.columns]
    lines = ["| " + " | ".join(_padded(row, widths, left)) + " |" for row in rows]
    rule = "|".join("-" * (width + 1) + ("-" if is_left else ":") for width, is_left in zip(widths, left))
    return "\n".join([lines[0], f"|{rule}|", *lines[1:]]) + "\n"


def _padded(cells: list[str], widths: list[int], left: list[bool]) -> Iterable[str]:
    return (cell.ljust(width) if is_left else cell.rjust(width) for cell, width, is_left in zip(cells, widths, left))


def _cell(cell: object) -> str:
    text = str(cell).replace("|", "\\|").replace("\n", " ")
    if isinstance(cell, Shaded) and cell.best:
        return f"**{text}**"
    return _code(text) if isinstance(cell, Code) else text


def _code(text: str) -> str:
    """Between as many backticks as the text has not itself; a token of a vocabulary may be one."""
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _legend(columns: tuple[Column, ...]) -> str:
    meanings = "\n".join(f"- **{column.title}**: {column.meaning}" for column in columns if column.meaning)
    return "\n" + _fold("What the columns mean", meanings) if meanings else ""


def _fold(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>\n"


def _words(block: Prose) -> str:
    return "".join(map(_inline, block.words))


def _inline(words: Words) -> str:
    match words:
        case Strong():
            return f"**{words.text}**"
        case Code():
            return _code(words.text)
        case Link():
            return f"[{words.text}]({words.address})"
        case _:
            return words
