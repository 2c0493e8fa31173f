"""Pages as Markdown: tables that read well as plain text, and cells as they are written."""

import pytest

from pipeline.reporting import markdown
from pipeline.reporting.cells import Bytes, Code, Estimated, Interval, Measured, Missing, Number, PValue, Text
from pipeline.reporting.page import (
    Alert,
    Column,
    Fold,
    Link,
    Page,
    Row,
    Strong,
    Table,
    Warnings,
    build_table,
    prose,
    section,
)

NAME = Column("method", align="left")


def page(*blocks, title: str = "Part") -> Page:
    return Page("A page", "about it", (prose("It is so."),), (section(title, *blocks),))


def test_a_table_is_aligned_for_a_reader_of_plain_text():
    table = Table("t", (NAME, Column("x")), (Row((Text("a"), Number(1.5))),))
    assert markdown.table(table) == "| method |   x |\n|--------|----:|\n| a      | 1.5 |\n"


def test_a_bar_in_a_name_is_no_column():
    table = Table("t", (Column("a|b", align="left"),), (Row((Text("c|d"),)),))
    head, _, row = markdown.table(table).splitlines()
    assert (head, row) == (r"| a\|b |", r"| c\|d |")


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match="a row of 1 cells in 2 columns"):
        Table("scores", (NAME, Column("x")), (Row((Text("a"),)),))


def test_an_item_without_a_value_gets_a_dash():
    columns = [(NAME, Text), (Column("x"), lambda name: None)]
    assert build_table("t", columns, ["a"]).rows == (Row((Text("a"), Missing())),)


def test_a_page_is_its_title_headline_and_sections_that_hold_something():
    text = markdown.render(page(prose("See ", Strong("this"), ", ", Code("x"), " and ", Link("that", "https://e.org"))))
    assert text == ("# A page\n\nabout it\n\nIt is so.\n\n## Part\n\nSee **this**, `x` and [that](https://e.org)\n")
    assert "## Part" not in markdown.render(page())
    assert markdown.render(page(prose("x")), level=2).startswith("## A page")


def test_parts_fold_and_warnings_are_a_list():
    text = markdown.render(page(Fold("2 more", (prose("one"), prose("two"))), Warnings(("a", "b"))))
    assert "**Unsure.**\n" in markdown.render(page(Alert("Unsure.")))
    assert "<details><summary>2 more</summary>\n\none\n\ntwo\n\n</details>\n\n- a\n- b\n" in text


def test_a_legend_lists_columns_that_have_a_meaning():
    table = Table("t", (NAME, Column("x", "What x is.")), (Row((Text("a"), Number(1.5))),))
    assert "- **x**: What x is." in markdown.render(page(table))
    assert "What x is." not in markdown.render(page(table), legends=False)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Number(-1.25, 2, sign=True), "-1.25"),
        (Measured(0.16249, unit="s"), "0.16 s"),
        (Measured(0.0996, 0.0912, 0.104, "s"), "0.10 s [0.091, 0.10]"),
        (Measured(7.849, 7.0, 123.4, "ms"), "7.8 ms [7.0, 120]"),
        (Measured(9.96, None, None, "ms"), "10 ms"),
        (Measured(1234.5), "1,200"),
        (Measured(0.0), "0.0"),
        (Number(2.0, sign=True), "+2.0"),
        (Number(0.123456, 4, significant=True), "0.1235"),
        (Estimated(40.04, 39.0, 41.0), "40.0 [39.0, 41.0]"),
        (Interval(-0.5, 1.0, 2), "-0.50 to +1.00"),
        (PValue(0.00001), "< 0.001"),
        (PValue(0.0123), "0.012"),
    ],
)
def test_a_value_is_written_with_its_digits_and_sign(cell, text):
    assert str(cell) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (78053, "76.2 KiB"), (2**20, "1.0 MiB"), (3 * 2**29, "1.50 GiB")],
)
def test_a_size_is_in_the_unit_that_reads_best(count, text):
    assert str(Bytes(count)) == text
