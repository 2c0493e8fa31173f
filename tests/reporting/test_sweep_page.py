"""The page of a sweep: its sentences, and both renderings, one of them in a real browser."""

from dataclasses import replace

import pytest

from pipeline.commands.sweep import write
from pipeline.evaluation.sweep_series import SweepSeries, judge_series
from pipeline.reporting.sweep_page import SweepContext, headline_of, points_table, series_name, values_page
from tests.sweeps import COUNT, noisy, point
from tests.systems import settings

PARAMS = {"lora": {"r": 6, "alpha_per_rank": 2.0}, "full": {"learning_rate": 5e-4}}


def judge(*points, prefer="smaller") -> SweepSeries:
    return judge_series(list(points), settings(), prefer)


def test_the_smallest_non_inferior_value_is_named_with_the_plateau():
    series = judge(
        point(1, noisy(20), 2.0), point(4, noisy(39.9, 1), 1.005), point(16, noisy(40.2, 2)), point(64, noisy(40))
    )
    sentence = headline_of(series, "LoRA rank")
    assert sentence.startswith("lora: LoRA rank 16 scores best, ROUGE-1 40.")
    assert "the smallest that is non-inferior (margin 3 points) is 4" in sentence
    assert "on its plateau, within 1 % of the lowest, from 4 on" in sentence


def test_where_one_value_is_too_uncertain_to_compare_with_the_smallest_near_the_best_is_named():
    series = judge(point(1, noisy(20)), point(4, noisy(39.9, 1)), point(16, noisy(40)), point(64, noisy(30)))
    open_series = replace(series, smallest=16, non_inferior=[16])
    sentence = headline_of(open_series, "LoRA rank")
    assert "no other value is non-inferior (margin 3 points). Against the best alone, not corrected, 4 is " in sentence
    assert "Against" not in headline_of(series, "LoRA rank")  # 4 is non-inferior to all
    assert "Against" not in headline_of(replace(open_series, smallest=None), "LoRA rank")


def test_where_every_other_value_is_worse_that_is_the_result():
    series = judge(point("lab", noisy(40)), point("flan", noisy(20)), prefer=None)
    sentence, *_ = headline_of(series, "template").partition(" Each value was trained once: another seed may")
    assert sentence.endswith("no other value is non-inferior (margin 3 points).")


def test_the_best_of_all_that_was_tried_may_be_the_smallest():
    series = replace(judge(point(20, noisy(40)), point(40, noisy(20))), non_inferior=[20, 40])
    assert "and is the smallest that was tried" in headline_of(series, "tokens")


def test_a_series_is_named_by_what_distinguishes_it():
    series = judge(*(point(r, noisy(30), settings=(("lora.lora_alpha", "null"),)) for r in (1, 2)))
    assert series_name(series) == "lora (lora.lora_alpha=null)"


def test_the_table_compares_each_value_with_the_best():
    table = points_table(judge(point(1, noisy(20)), point(2, noisy(40))), "lora", "LoRA rank")
    rows = [dict(zip([column.title for column in table.columns], map(str, row.cells))) for row in table.rows]
    assert [(row["LoRA rank"], row["result"], row["minus best"]) for row in rows] == [
        ("1", "significantly worse for these trainings", "-20.0"),
        ("2", "best", "-"),
    ]


def test_what_is_kept_of_tasks_in_a_mixture_and_of_others_stands_beside_the_score():
    kept = {
        "by_choice": {"mean": 80.0, "mean, mixed in": 90.0, "mean, left out": 60.0},
        "by_choice_norm": {"mean": 1.0},
    }
    points = [replace(point(share, noisy(40)), forgetting=kept) for share in (0, 0.3)]
    table = points_table(judge(*points, prefer=None), "lora", "share")
    row = dict(zip([column.title for column in table.columns], map(str, table.rows[0].cells)))
    assert row["still known (by choice), mixed in"] == "90.0" and row["still known (by choice), left out"] == "60.0"
    assert not {"still known (by choice)", "per character"} & row.keys()
    one_did_not_ask = points_table(judge(points[0], point(0.3, noisy(40)), prefer=None), "lora", "share")
    assert len(one_did_not_ask.columns) == len(table.columns) - 2


@pytest.fixture
def written(tmp_path):
    target, unreadable = tmp_path / "sweep", ["odd-name is failed (dvc queue logs odd-name)"]
    context = SweepContext("LoRA <b>rank</b>", "lora.r, 4 experiments", "lora.r", COUNT, [PARAMS] * 2, unreadable)
    series = [
        judge(*(point(r, noisy(20 + r, r), 2 - r / 10, settings=own) for r in (1, 2, 4, 16)))
        for own in ((("lora.use_rslora", "true"),), (("lora.use_rslora", "false"),))
    ]
    write(target, {}, values_page(context, series))
    return target


def test_markdown_and_html_say_the_same_and_the_page_opens_on_a_phone(written, browser):
    text = written.with_suffix(".md").read_text()
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    messages = []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.goto(written.with_suffix(".html").as_uri())
    tab.wait_for_function("document.querySelectorAll('[data-chart] svg').length == 2")
    assert messages == []
    assert tab.inner_text("h1") == "Sweep: LoRA <b>rank</b>"
    for sentence in tab.locator(".headline p").all_inner_texts():
        assert f"{sentence}\n" in text
    assert "odd-name is failed" in text and "odd-name is failed" in tab.inner_text(".warnings")
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    tab.close()
