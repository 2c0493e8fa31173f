"""The page to try methods on, in a real browser."""

import pytest

from tests.reporting.conftest import browser  # noqa: F401
from tests.serving.conftest import SEEDS_OF, expected
from tests.systems import RECORDS


@pytest.fixture
def architecture() -> str:
    return "seq2seq"


@pytest.fixture
def open_page(browser):  # noqa: F811
    contexts = []

    def opened(address: str, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_every_chosen_method_answers_side_by_side(server, project, open_page):
    page = open_page(server().address)
    boxes = page.locator("#methods input")
    boxes.first.wait_for()
    names = boxes.evaluate_all("all => all.map(one => one.value)")
    assert names == ["zero_shot", "few_shot", "prompt_tuning", "lora", "full", "prefix_tuning", "ia3"]  # no lora-2
    page.get_by_label("ia3").uncheck()
    row = RECORDS[0]
    page.get_by_label("dialogue").fill(row["dialogue"])
    page.get_by_role("button", name="Answer").click()
    page.wait_for_function("document.querySelectorAll('#stats tr').length === 6", timeout=60_000)
    shown = page.locator("#answers .output p").all_text_contents()
    row = {**row, "id": ""}  # a text from the page has no id
    wanted = expected(project, "lora-1", [row])[0]
    assert len(shown) == 6 and shown[names.index("lora")] == (wanted or "(nothing)")
    assert page.locator("#answers .failed").count() == 0 and page.errors == []


def test_markup_in_a_text_stays_text(server, open_page):
    page = open_page(server().address)
    page.locator("#methods input").first.wait_for()
    page.get_by_label("dialogue").fill("<img src=x onerror=\"document.title='taken'\"> " * 400)
    page.get_by_role("button", name="Answer").click()
    page.locator("#answers .failed").first.wait_for()
    assert "with `shorten` true" in page.locator("#answers .failed p").first.text_content()
    page.locator("#shorten").check()
    page.get_by_role("button", name="Answer").click()
    page.get_by_text("tokens of the text left out").first.wait_for(timeout=60_000)
    assert page.title() == "Try the methods" and page.locator("img").count() == 0


def test_a_server_with_a_key_asks_for_it(server, open_page):
    page = open_page(server(key="secret").address)
    page.get_by_label("API key").fill("secret")
    page.get_by_label("API key").press("Tab")
    page.locator("#methods input").first.wait_for()
    assert page.evaluate("models.length") == len(SEEDS_OF) + sum(map(len, SEEDS_OF.values()))


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_page(server, open_page, width, scheme):
    options = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = open_page(server().address, **options)
    page.locator("#methods input").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
