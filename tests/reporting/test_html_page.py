"""The report, opened in a real browser: no errors, nothing run that should be read, sort, search and keys at work."""

import json
import os
import re
import shutil

import pytest

from pipeline import baselines, compare, report
from pipeline.core import files
from pipeline.reporting import charts
from tests.test_compare import FAIR, GOOD, POOR, RECORDS, TRAINED, write
from tests.test_score import settings

EVIL = "<script>window.ran = true</script><img src=x onerror='window.ran = true'> </script> & \u2028 ende"
COUNT = len(RECORDS)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report on thirty dialogues, one of which holds markup."""
    folder = tmp_path_factory.mktemp("report")
    write(folder, "zero_shot", POOR, {})
    write(folder, "lora", [*FAIR[:-1], f"{FAIR[-1]} {EVIL}"], TRAINED)
    write(folder, "full", GOOD, TRAINED | {"trainable_parameters": 100_000})
    held_out = [
        *RECORDS[:-1],
        RECORDS[-1] | {"dialogue": f"#Person1#: {EVIL}\n#Person2#: Zanzibar.", "near": "train-7"},
    ]
    files.write_jsonl(folder / "test.jsonl", held_out)
    baselines.run(folder / "test.jsonl", folder / "yardsticks", score=settings())
    inputs = [
        folder / name for name in ("scores", "dialogues", "yardsticks", "retention", "answers", "runs", "seeds.json")
    ]
    methods = ["zero_shot", "lora", "full"]
    compare.run(*inputs, folder / "c.json", folder / "c.md", folder / "c.tsv", methods=methods, score=settings())
    for name in ("lora", "full"):
        for split in ("train", "validation"):
            curve = folder / f"curves/{name}/plots/metrics/{split}/loss.tsv"
            curve.parent.mkdir(parents=True)
            curve.write_text("step\tloss\n10\t3.5\n20\t2.5\n30\t2.25\n")
    found = json.loads((folder / "c.json").read_text())
    each = {name: files.read_parquet(folder / f"dialogues/{name}.parquet") for name in methods}
    curves = report.losses(folder / "curves", [row for row in found["systems"] if row["kind"] == "method"])
    text = report.render(found, held_out, each, curves, "some data", "some model")
    (folder / "report.html").write_text(text, encoding="utf-8")
    return folder / "report.html"


def browser_path():
    for name in (os.environ.get("BROWSER", ""), "chromium", "chromium-browser", "google-chrome", "chrome"):
        if name and (path := shutil.which(name)):
            return path
    if os.environ.get("CI"):
        pytest.fail("no Chromium on this machine; CI installs one")
    pytest.skip("no Chromium or Chrome found: install one, or name it in $BROWSER")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        opened = play.chromium.launch(executable_path=browser_path(), args=quiet)
        yield opened
        opened.close()


@pytest.fixture(params=[(1200, "light"), (390, "dark")], ids=["wide-light", "phone-dark"])
def opened(request, browser, page):
    """The page with what the console said and what was asked of any network."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    tab = context.new_page()
    tab.said, tab.asked = [], []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.goto(page.as_uri())
    tab.wait_for_function("document.querySelectorAll('[data-chart] svg').length == 6")
    yield tab
    context.close()


def test_it_opens_without_a_word_on_the_console_and_asks_no_network(opened, page):
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [page.as_uri()]
    assert opened.locator("h2").all_inner_texts() == [
        "Quality",
        "Quality against cost",
        "Loss",
        "Differences",
        "Length and health",
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
    assert "<script>window.ran = true</script>" in opened.inner_text("#shown .dialogue")
    assert EVIL.split("\u2028")[0].strip() in opened.inner_text("#shown")
    assert opened.evaluate("window.ran") is None
    assert "Looks much like train-7 of train." in opened.inner_text("#shown")


def test_the_verdict_and_the_tables_say_what_the_comparison_says(opened, page):
    found = json.loads(page.with_name("c.json").read_text())
    assert opened.locator(".verdict p").all_inner_texts() == found["verdict"]
    quality = opened.locator("table").first.inner_text()
    for row in found["systems"]:
        assert re.search(rf"{row['name']}\s+{row['scores']['rouge1']['mean']:.1f} \[", quality)


def test_search_finds_and_says_when_there_is_nothing(opened):
    opened.fill("#search", "order 7 ")
    assert "order 7 " in opened.inner_text("#shown mark").lower() + " "
    opened.fill("#search", "no such words")
    assert opened.inner_text("#position") == "none of them"
    assert "Clear the search" in opened.inner_text("#shown")
    opened.fill("#search", "(")  # no regular expression
    assert opened.said == []


def test_dialogues_are_sorted_by_where_two_methods_differ_most(opened, page):
    each = {name: files.read_parquet(page.with_name("dialogues") / f"{name}.parquet") for name in ("full", "lora")}
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
    assert opened.said == []


def test_the_frontier_leaves_out_what_another_method_beats_at_no_more_parameters():
    shares = {
        "zero_shot": (0.0, 20.0),
        "few_shot": (0.0, 30.0),
        "lora": (0.01, 40.0),
        "wide": (0.02, 39.0),
        "full": (1.0, 41.0),
    }
    score = {name: {"mean": mean, "low": mean - 1, "high": mean + 1} for name, (_, mean) in shares.items()}
    rows = [{"name": name, "share": share, "scores": {"rouge1": score[name]}} for name, (share, _) in shares.items()]
    frontier, *_ = charts.pareto(rows)["layer"]
    assert [point["method"] for point in frontier["data"]["values"]] == ["few_shot", "lora", "full"]


def test_predictions_from_elsewhere_alone_make_a_page_too(tmp_path, browser):
    write(tmp_path, "published", GOOD)
    baselines.run(tmp_path / "test.jsonl", tmp_path / "yardsticks", score=settings())
    inputs = [
        tmp_path / name for name in ("scores", "dialogues", "yardsticks", "retention", "answers", "runs", "seeds.json")
    ]
    external = settings(external={"published": "p.jsonl"})
    compare.run(*inputs, tmp_path / "c.json", tmp_path / "c.md", tmp_path / "c.tsv", methods=[], score=external)
    found = json.loads((tmp_path / "c.json").read_text())
    each = {"published": files.read_parquet(tmp_path / "dialogues/published.parquet")}
    (tmp_path / "r.html").write_text(report.render(found, RECORDS, each, {}, "data", "model"), encoding="utf-8")
    tab = browser.new_page()
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto((tmp_path / "r.html").as_uri())
    tab.wait_for_function("document.querySelectorAll('[data-chart] svg').length == 1")
    assert tab.locator("h2").all_inner_texts() == ["Quality", "Length and health", "Side by side"]
    assert said == []
    tab.close()
