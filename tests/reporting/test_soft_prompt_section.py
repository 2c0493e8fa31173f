"""The section on soft prompts, as Markdown and in a real browser: strange tokens, many vectors, several seeds."""

import numpy as np
import pytest

from pipeline.core.paths import Paths
from pipeline.evaluation.soft_prompts import soft_prompts
from pipeline.reporting import html, markdown
from pipeline.reporting.page import Page
from pipeline.reporting.soft_prompt_section import soft_prompt_section
from tests.evaluation.test_soft_prompts import nats, token, write_prompt
from tests.systems import markdown_tables, settings

STRANGE = ["<script>window.ran = true</script>", "`", "a|b", "▁مرحبا", "</s> (special)", "row 511 (unused)", "▁" * 60]
LOSSES = {"trained": nats(2.0), "snapped": nats(4.9), "initial": nats(4.8), "none": nats(5.0)}


def page(paths: Paths, *runs: str) -> Page:
    found = soft_prompts(list(runs), paths, settings())
    return Page("Comparison", "of a test", (), (soft_prompt_section(found),))


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> Paths:
    """Three runs: one with strange tokens and clusters, one with random vectors, a long one that began as no tokens."""
    paths = Paths(tmp_path_factory.mktemp("prompts"))
    tokens = [
        token(number, words=[word, "▁x"], by_l2=word, by_dot=word, cluster=number // 3, importance=0.1 * number - 0.1)
        for number, word in enumerate(STRANGE)
    ]
    write_prompt(paths, "prompt_tuning-17", LOSSES, tokens)
    write_prompt(paths, "prompt_tuning-18", LOSSES, [token(number, cosine=0.21) for number in range(8)])
    long = [token(number, initial=None, drift=None, moved=None) for number in range(30)]
    write_prompt(paths, "p_tuning-17", {key: LOSSES[key] for key in ("trained", "snapped", "none")}, long)
    return paths


@pytest.fixture(scope="module")
def text(paths) -> str:
    return markdown.render(page(paths, "prompt_tuning-17", "prompt_tuning-18", "p_tuning-17"))


def rows_of(text: str, *columns: str) -> list[list[dict[str, str]]]:
    """The tables that have these columns."""
    return [
        [dict(zip(header, row)) for row in rows]
        for header, _, *rows in markdown_tables(text)
        if set(columns) <= set(header)
    ]


def test_each_run_has_its_sentence_and_its_losses(text):
    assert "## What the soft prompt says\n" in text
    for run in ("prompt_tuning-17", "prompt_tuning-18", "p_tuning-17"):
        assert f"\n**{run}**: The words mean nothing: alone, the nearest tokens keep 3 % [" in text
    (losses,) = rows_of(text, "with it", "without")
    assert [row["as it began"] == "-" for row in losses] == [False, False, True]
    assert losses[0]["with it"].startswith("2.0") and losses[0]["tokens keep, %"].startswith("3 [")
    (vectors,) = rows_of(text, "random directions")
    assert [row["beyond these"] for row in vectors] == ["7 of 7", "0 of 8", "30 of 30"]
    assert [row["still its first"] for row in vectors] == ["0 of 7", "1 of 8", "-"]


def test_a_prompt_like_random_directions_is_a_warning(text):
    (warning,) = [line for line in text.splitlines() if "no nearer to tokens than random directions" in line]
    assert warning.startswith("- prompt_tuning-18: ") and "(0 of 8 are nearer than 95 %" in warning


def test_another_nearest_token_is_named_only_where_it_is_another(text):
    strange, plain, _ = rows_of(text, "nearest tokens", "length")
    assert "by L2" not in strange[0] and "by dot product" not in strange[0]
    assert {row["by L2"] for row in plain} == {"`▁other`"} and "by dot product" not in plain[0]


def test_tokens_are_code_whatever_is_in_them(text):
    rows, _, _ = rows_of(text, "nearest tokens", "length")
    assert rows[0]["nearest tokens"] == f"`{STRANGE[0]}  ▁x`"
    assert rows[1]["nearest tokens"] == "`` `  ▁x ``"
    assert "| `a\\|b  ▁x` " in text
    assert [rows[number]["importance"] for number in (0, 1, -1)] == ["-0.100", "+0.000", "**+0.500**"]


def test_clusters_are_listed_with_their_words_and_runs_without_are_named(text):
    (clusters,) = rows_of(text, "their nearest tokens")
    assert [row["vectors"] for row in clusters] == ["1, 2, 3", "4, 5, 6"]
    assert clusters[1]["their nearest tokens"] == "`▁مرحبا  </s> (special)  row 511 (unused)`"
    assert "No clusters in prompt_tuning-18 and p_tuning-17: no two vectors are" in text


def test_a_long_table_is_folded_and_one_of_a_method_alone_shares_nothing(paths):
    alone = markdown.render(page(paths, "p_tuning-17"))
    assert "<details><summary>Vectors of p_tuning-17</summary>" in alone
    assert not rows_of(alone, "same nearest tokens") and not rows_of(alone, "began as")
    found = soft_prompts(["p_tuning-17"], paths, settings())
    found["runs"]["p_tuning-17"]["virtual_tokens"] = 5000
    said = markdown.render(Page("", "", (), (soft_prompt_section(found),)))
    assert "Of p_tuning-17, 30 of 5000 vectors are listed, evenly spread." in said


@pytest.fixture(params=[(1200, "light"), (390, "dark")], ids=["wide-light", "phone-dark"])
def opened(request, browser, paths, tmp_path):
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    tab, file = context.new_page(), tmp_path / "page.html"
    tab.messages = []
    tab.on("console", lambda message: tab.messages.append(message.text))
    tab.on("pageerror", lambda error: tab.messages.append(str(error)))
    file.write_text(html.render(page(paths, "prompt_tuning-17", "prompt_tuning-18", "p_tuning-17")), encoding="utf-8")
    tab.goto(file.as_uri())
    yield tab
    context.close()


def test_the_page_shows_tokens_and_never_runs_them(opened):
    assert opened.messages == [] and opened.evaluate("window.ran") is None
    cells = opened.locator("table:has(th:text-is('importance')) tbody").first.locator("td code")
    assert cells.first.inner_text().startswith("<script>window.ran")


def test_nothing_is_wider_than_the_screen(opened):
    for fold in opened.locator("summary").all():
        fold.click()
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert opened.evaluate(wide) == 0


def test_the_most_important_vector_is_the_darkest(opened):
    cells = opened.locator("table:has(th:text-is('importance')) tbody").first.locator("td.heat")
    alpha = "cell => Number(getComputedStyle(cell).backgroundColor.match(/[\\d.]+(?=\\)$)/)[0])"
    shades = np.array([cell.evaluate(alpha) for cell in cells.all()])
    assert len(shades) == len(STRANGE) and shades[0] == shades[1] == 0
    assert (np.diff(shades[1:]) > 0).all() and 0.28 < shades[-1] < 0.31
