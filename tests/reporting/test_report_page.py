"""The report, opened in a real browser: no errors, nothing run that is only text, sort, search and keys at work."""

import re
from types import SimpleNamespace

import pytest

from pipeline import baselines, compare, report
from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.reporting.charts import pareto_frontier
from tests.systems import (
    BUSY,
    COUNT,
    FAIR,
    FREE_METRICS,
    GOOD,
    NO_BENCHMARK,
    POOR,
    RECORDS,
    SUMMARIES,
    TRAINED,
    WHOLE_MODEL,
    settings,
    write_inference,
    write_method,
    write_scores,
)

EVIL = "<script>window.ran = true</script><img src=x onerror='window.ran = true'> </script> & \u2028 end"
METHODS = ["zero_shot", "lora", "full"]


def make_report(paths: Paths, methods: list[str], **changes) -> None:
    """Everything after the scores."""
    baselines.run(paths, task=SUMMARIES, score=settings())
    seeds_of = {name: [] for name in methods}
    compare.run(
        paths,
        methods=methods,
        seeds_of=seeds_of,
        soft_prompt_runs={},
        benchmark=NO_BENCHMARK,
        metrics=FREE_METRICS,
        score=settings(**changes),
    )
    report.run(
        paths,
        seeds_of=seeds_of,
        task=SUMMARIES,
        data=SimpleNamespace(name="some data"),
        model=SimpleNamespace(name="some model"),
    )


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> Paths:
    """A report on thirty examples, one of which holds markup."""
    paths = Paths(tmp_path_factory.mktemp("report"))
    write_method(paths, "zero_shot", POOR, known=[True] * 20)
    write_method(paths, "lora", [*FAIR[:-1], f"{FAIR[-1]} {EVIL}"], TRAINED, known=[True, False] * 10)
    write_method(paths, "full", GOOD, WHOLE_MODEL, known=[True] * 20)
    evil = RECORDS[-1] | {"dialogue": f"#Person1#: {EVIL}\n#Person2#: Zanzibar.", "near": "train-7"}
    files.write_jsonl(paths.records("test"), [*RECORDS[:-1], evil])
    for name in ("lora", "full"):
        for split in ("train", "validation"):
            curve = paths.curves(name) / f"plots/metrics/{split}/loss.tsv"
            curve.parent.mkdir(parents=True)
            curve.write_text("step\tloss\n10\t3.5\n20\t2.5\n30\t2.25\n")
    make_report(paths, METHODS)
    return paths


@pytest.fixture(params=[(1200, "light"), (390, "dark")], ids=["wide-light", "phone-dark"])
def opened(request, browser, paths):
    """The page with what the console said and what was asked of any network."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    tab = context.new_page()
    tab.messages, tab.requests = [], []
    tab.on("console", lambda message: tab.messages.append(message.text))
    tab.on("pageerror", lambda error: tab.messages.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    tab.goto(paths.report.resolve().as_uri())
    tab.wait_for_function("document.querySelectorAll('[data-chart] svg').length == 7")
    yield tab
    context.close()


def test_the_heat_table_is_darkest_at_the_best(opened):
    row = opened.locator("table:has(th:text-is('metric')) tr", has_text="ROUGE-1 ↑")
    cells = row.locator("td.heat")
    assert cells.count() == len(METHODS)
    alpha = "cell => getComputedStyle(cell).backgroundColor.match(/[\\d.]+(?=\\)$)/)[0]"
    shades = [float(cells.nth(number).evaluate(alpha)) for number in range(3)]
    assert shades[0] == 0 and 0.1 < shades[1] < shades[2] <= 0.31
    assert row.locator("td.heat strong").inner_text() == cells.nth(2).inner_text()


def test_it_opens_without_errors_and_asks_no_network(opened, paths):
    assert opened.messages == []
    assert [url for url in opened.requests if not url.startswith("data:")] == [paths.report.resolve().as_uri()]
    assert opened.locator("h2").all_inner_texts() == [
        "Quality",
        "Cost",
        "All metrics",
        "Loss",
        "Differences in ROUGE-1",
        "Length and diagnostics",
        "Forgetting",
        "Side by side",
    ]


def test_nothing_is_wider_than_the_screen(opened):
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert opened.evaluate(wide) == 0
    out = """[...document.querySelectorAll('main *')].filter(one => !one.closest('.scroll, svg')
        && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map(one => one.outerHTML)"""
    assert opened.evaluate(out) == []


def test_what_a_dialogue_holds_is_shown_and_never_run(opened):
    opened.fill("#search", "Zanzibar")
    assert opened.inner_text("#position") == f"1 of 1: d{COUNT - 1}"
    assert "<script>window.ran = true</script>" in opened.inner_text("#shown .source")
    assert EVIL.split("\u2028")[0].strip() in opened.inner_text("#shown")
    assert opened.evaluate("window.ran") is None
    assert "Near-duplicate of train-7 in train." in opened.inner_text("#shown")


def test_the_headline_and_the_tables_say_what_the_comparison_says(opened, paths):
    comparison = files.read_json(paths.comparison)
    assert opened.locator(".headline p").all_inner_texts() == comparison["verdict"]
    quality = opened.locator("table").first.inner_text()
    for row in comparison["systems"]:
        assert re.search(rf"{row['name']}\s+{row['scores']['rouge1']['mean']:.1f} \[", quality)


def test_search_finds_and_says_when_there_is_nothing(opened):
    opened.fill("#search", "order 7 ")
    assert "order 7 " in opened.inner_text("#shown mark").lower() + " "
    opened.fill("#search", "no such words")
    assert opened.inner_text("#position") == "no match"
    assert "Clear the search" in opened.inner_text("#shown")
    opened.fill("#search", "(")  # no regular expression
    assert opened.messages == []


def test_examples_are_sorted_by_where_two_methods_differ_most(opened, paths):
    each = {name: files.read_parquet(paths.example_scores(name)) for name in ("full", "lora")}
    apart = {one["id"]: abs(one["rouge1"] - other["rouge1"]) for one, other in zip(each["full"], each["lora"])}
    opened.select_option("#first", "full")
    opened.select_option("#second", "lora")
    opened.select_option("#order", "apart")
    shown = []
    for _ in range(COUNT):
        shown.append(opened.inner_text("#position").split(": ")[1])
        if opened.is_enabled("#next"):
            opened.click("#next")
    assert sorted(shown) == sorted(apart)
    assert [apart[name] for name in shown] == sorted(apart.values(), reverse=True)
    assert opened.locator(".chosen h3").count() == 2


def test_keys_step_and_focus_the_search(opened):
    assert opened.inner_text("#position") == f"1 of {COUNT}: d0"
    opened.keyboard.press("j")
    opened.keyboard.press("ArrowRight")
    assert opened.inner_text("#position") == f"3 of {COUNT}: d2"
    opened.keyboard.press("k")
    assert opened.inner_text("#position") == f"2 of {COUNT}: d1"
    opened.keyboard.press("/")
    opened.keyboard.type("kj")  # typed, not stepped
    assert opened.input_value("#search") == "kj"
    opened.keyboard.press("Escape")  # clears the search, and the keys step again
    opened.keyboard.press("j")
    assert (opened.input_value("#search"), opened.inner_text("#position")) == ("", f"2 of {COUNT}: d1")


def test_arrows_move_a_table_that_has_the_focus_and_not_the_reader(opened):
    opened.focus("[aria-label='Quality']")
    opened.keyboard.press("ArrowRight")
    assert opened.inner_text("#position") == f"1 of {COUNT}: d0"


def test_every_chart_says_what_it_is(opened):
    labels = opened.locator("[data-chart]").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert len(set(labels)) == len(labels)
    assert not any("visualization" in label.lower() for label in labels)


def test_charts_change_with_the_system_s_colours(opened):
    def color():
        return opened.evaluate("document.querySelector('[data-chart=pareto] svg text').getAttribute('fill')")

    before = color()
    other = "dark" if opened.evaluate("matchMedia('(prefers-color-scheme: light)').matches") else "light"
    opened.emulate_media(color_scheme=other)
    opened.wait_for_function(
        "old => document.querySelector('[data-chart=pareto] svg text')?.getAttribute('fill') != old", arg=before
    )
    assert opened.messages == []


def test_the_meaning_of_columns_is_a_tooltip_and_a_legend(opened):
    header = opened.locator("[aria-label='Diagnostics'] th", has_text="truncated")
    meaning = header.get_attribute("title")
    assert meaning == "Stopped at the length limit before the end token."
    legend = opened.locator("details.legend", has_text=meaning)
    legend.locator("summary").click()
    assert legend.get_by_text(meaning).is_visible()


def test_a_busy_machine_is_said_in_red_and_a_chart_by_time_ranks_nothing(tmp_path, browser):
    paths = Paths(tmp_path)
    write_method(paths, "zero_shot", POOR)
    write_method(paths, "few_shot", GOOD)
    write_inference(paths, {"few_shot": 1.5}, contention=BUSY)
    make_report(paths, ["zero_shot", "few_shot"])
    tab = browser.new_page(color_scheme="light")
    tab.goto(paths.report.as_uri())
    busy, *failed = tab.locator(".alert").all()
    assert busy.inner_text().startswith("Measured on a busy machine: inference (had a core in 40 %")
    assert busy.evaluate("one => getComputedStyle(one).color") == "rgb(164, 22, 26)"
    assert [one.inner_text().partition(":")[0] for one in failed] == [
        f"No order by time at batch size {size}" for size in (1, 8)
    ]
    (caption,) = [text for text in tab.locator("figcaption").all_inner_texts() if "left is faster" in text]
    assert "Measured on a busy machine." in caption and "No order by time" in caption and "50 %" in caption
    tab.close()


def test_the_losses_of_all_methods_are_tables_for_dvc_plots(paths):
    lines = paths.losses("validation").read_text().splitlines()
    assert lines[0] == "method\tstep\tloss"
    assert lines[1:] == [f"{name}\t{row}" for name in ("lora", "full") for row in ("10\t3.5", "20\t2.5", "30\t2.25")]


def test_the_frontier_leaves_out_what_another_method_beats_at_no_more_parameters():
    points = {"zero_shot": (0, 20.0), "few_shot": (0, 30.0), "lora": (1, 40.0), "wide": (2, 39.0), "full": (100, 41.0)}
    rows = [{"method": name, "trained": trained, "mean": mean} for name, (trained, mean) in points.items()]
    assert [point["method"] for point in pareto_frontier(rows)] == ["few_shot", "lora", "full"]


def test_external_predictions_alone_make_a_page_too(tmp_path, browser):
    paths = Paths(tmp_path)
    write_scores(paths, "published", GOOD)
    make_report(paths, [], external={"published": "p.jsonl"})
    tab = browser.new_page()
    messages = []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.goto(paths.report.as_uri())
    tab.wait_for_function("document.querySelectorAll('[data-chart] svg').length == 1")
    assert tab.locator("h2").all_inner_texts() == ["Quality", "All metrics", "Length and diagnostics", "Side by side"]
    assert messages == []
    tab.close()
