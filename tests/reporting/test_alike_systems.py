"""Methods that answer alike: no minus before a zero, and nothing to settle."""

import pytest

from pipeline import baselines, compare
from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.evaluation.differences import format_change
from pipeline.reporting.cells import Changed, Interval, Number
from tests.systems import (
    FREE_METRICS,
    GOOD,
    NO_BENCHMARK,
    POOR,
    SUMMARIES,
    TRAINED,
    WHOLE_MODEL,
    markdown_tables,
    settings,
    write_method,
)

METHODS = ["zero_shot", "lora", "full"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Paths:
    """lora and full write the same texts and give the same answers."""
    paths = Paths(tmp_path_factory.mktemp("alike"))
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "lora", GOOD, TRAINED)
    write_method(paths, "full", GOOD, WHOLE_MODEL)
    baselines.run(paths, task=SUMMARIES, score=settings())
    compare.run(
        paths,
        methods=METHODS,
        seeds_of={name: [] for name in METHODS},
        soft_prompt_runs={},
        benchmark=NO_BENCHMARK,
        metrics=FREE_METRICS,
        score=settings(),
    )
    return paths


def test_the_page_writes_no_minus_before_zero_and_says_that_nothing_differs(compared):
    page = compared.comparison_markdown.read_text(encoding="utf-8")
    assert "-0.0 " not in page and "-0.0]" not in page and "-0.00" not in page
    (row,) = [row for table in markdown_tables(page) for row in table if row[:2] == ["full", "lora"] and len(row) > 5]
    assert row[2:4] == ["+0.0", "+0.0 to +0.0"] and row[-1] == "no example differs"


def test_the_verdict_does_not_ask_for_more_examples(compared):
    verdict = " ".join(files.read_json(compared.comparison)["verdict"])
    assert "the difference of +0.0 [+0.0, +0.0] is not significant" in verdict
    assert "is better; no example differs." in verdict
    assert "settling it" not in verdict


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (Number(-0.0, sign=True), "+0.0"),
        (Number(-0.04), "-0.0"),
        (Number(-0.0), "0.0"),
        (Interval(-0.0, -0.0), "+0.0 to +0.0"),
        (Changed(-0.0, -1.0, -0.0, value=-0.0), "0.0 (+0.0 [-1.0, +0.0])"),
        (format_change(-0.9, -1.8, -0.04), "-0.9 [-1.8, -0.0]"),  # significant: zero is left out
    ],
)
def test_zero_has_no_minus(written, expected):
    assert str(written) == expected
