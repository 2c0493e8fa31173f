"""A page with 5,000 dialogues: one file of less than 5 MB that opens and searches in less than two seconds."""

import random
import time

import pytest

from pipeline.reporting import html
from pipeline.reporting.cells import Number, Text
from pipeline.reporting.page import Chart, Column, Page, Reader, build_table, section
from support_calls.write import unseen

COUNT, SYSTEMS, SECONDS = 5_000, ["zero_shot", "few_shot", "prompt_tuning", "lora", "full"], 2.0
MARKS = {"mark": "point", "data": {"values": [{"x": 1, "y": 2}]}, "encoding": {"x": {"field": "x", "type": "ordinal"}}}


def examples() -> list[dict]:
    """Calls with three references, and an output of each system: a reference without some of its words."""
    rng = random.Random(0)

    def output(reference: str) -> dict:
        text = " ".join(word for word in reference.split() if rng.random() < 0.8)
        score = 100 * len(text) / len(reference)
        return {"text": text, "score": score, "notes": [f"ROUGE-1 {score:.0f}"]}

    return [
        {
            "id": f"call-{number}",
            "source": call.text(),
            "fields": {},
            "references": call.references,
            "near": None,
            "outputs": {name: output(rng.choice(call.references)) for name in SYSTEMS},
        }
        for number, call in enumerate(unseen(17, "test", COUNT, set()))
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The page, with a chart and so with what draws charts."""
    columns = [
        (Column("system", align="left"), lambda name: Text(name)),
        (Column("points"), lambda name: Number(len(name))),
    ]
    page = Page(
        title="Many examples",
        about="",
        headline=(),
        sections=(
            section("Quality", build_table("Quality", columns, SYSTEMS), Chart("points", "Points", MARKS)),
            section("Side by side", Reader(SYSTEMS, examples())),
        ),
    )
    path = tmp_path_factory.mktemp("large") / "report.html"
    path.write_text(html.render(page), encoding="utf-8")
    return path


def test_it_has_less_than_five_megabytes(path):
    assert path.stat().st_size < 5e6


def slowdown() -> float:
    """How many times as long as its processor time a busy loop takes now: 1 on an idle machine."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.3:
        sum(range(10_000))
    return (time.perf_counter() - wall) / (time.process_time() - cpu)


def test_it_opens_and_searches_within_two_seconds(path, browser):
    """The best of three, and on a busy machine so many times longer as it slows down."""
    opening, searching = [], []
    for _ in range(3):
        slower, tab = slowdown(), browser.new_page()
        began = time.perf_counter()
        tab.goto(path.as_uri())
        tab.wait_for_function("document.getElementById('position').textContent == '1 of 5000: call-0'")
        opening.append((time.perf_counter() - began) / slower)
        began = time.perf_counter()
        tab.fill("#search", "refund")
        found = tab.inner_text("#position")
        searching.append((time.perf_counter() - began) / slower)
        tab.close()
        assert 100 < int(found.split()[2].rstrip(":")) < COUNT
    assert min(opening) < SECONDS and min(searching) < SECONDS, (opening, searching)


def test_without_javascript_the_tables_read_and_a_note_says_what_is_missing(path, browser):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(path.as_uri())
    assert tab.locator("table tbody tr").count() == len(SYSTEMS)
    assert tab.get_by_text("need JavaScript").is_visible()
    context.close()


def test_in_print_the_tables_and_one_example_are_there_and_no_controls(path, browser):
    tab = browser.new_page()
    tab.emulate_media(media="print")
    tab.goto(path.as_uri())
    tab.wait_for_selector("#shown .source")
    assert tab.locator("table").is_visible() and not tab.locator("#search").is_visible()
    tab.close()
