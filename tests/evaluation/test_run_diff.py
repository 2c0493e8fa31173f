"""Changes of scores between a base and a change of it, on scores that are known."""

import statistics

import numpy as np
import pytest
from scipy import stats

from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.evaluation.differences import Difference, add_seed_variance
from pipeline.evaluation.pairs import compare_pairs
from pipeline.evaluation.run_diff import RunSnapshot, ScoreChange, changed_scores, judge_changes
from pipeline.evaluation.run_environment import environment_changes
from pipeline.evaluation.tasks.summarization import Summarization
from tests.systems import FAIR, GOOD, POOR, RECORDS, settings, write_scores, write_seeds


def snapshot(folder, texts: list[str], **changes) -> RunSnapshot:
    """One system, scored by the pipeline's own code."""
    paths = Paths(folder)
    write_scores(paths, "lora", texts)
    scores = files.read_json(paths.scores("lora"))
    known = {
        "scores": {"lora": scores["scores"]},
        "signature": scores["signature"],
        "records_hashes": {"lora": "abc"},
        "references": {row["id"]: row["references"] for row in RECORDS},
        "examples": {"lora": files.read_parquet(paths.example_scores("lora"))},
    }
    return RunSnapshot(**known | changes)


def judge(before: RunSnapshot, now: RunSnapshot) -> dict[str, ScoreChange]:
    values = {
        name: {"old": score["mean"], "new": now.scores["lora"][name]["mean"]}
        for name, score in before.scores["lora"].items()
    }
    return {change.metric: change for change in judge_changes(before, now, {"lora": values}, settings())}


def test_the_same_summaries_do_not_differ_and_better_ones_do(tmp_path):
    same = judge(snapshot(tmp_path, GOOD), snapshot(tmp_path, GOOD))
    assert {change.how for change in same.values()} == {"paired"}
    assert not any(change.significant for change in same.values())
    assert all(change.difference.p_holm == 1 for change in same.values())
    better = judge(snapshot(tmp_path, POOR), snapshot(tmp_path, GOOD))
    assert all(change.significant and change.difference.low > 0 for change in better.values())
    worse = judge(snapshot(tmp_path, GOOD), snapshot(tmp_path, FAIR))["rouge1"]
    assert worse.significant and worse.difference.high < 0


def test_a_difference_is_that_of_the_comparison(tmp_path):
    before, now = snapshot(tmp_path, FAIR), snapshot(tmp_path, GOOD)
    examples = {"base": before.examples["lora"], "now": now.examples["lora"]}
    theirs = compare_pairs(examples, Summarization, settings())["rouge1"][0]
    ours = judge(before, now)["rouge1"].difference
    assert (theirs.first, theirs.second) == ("now", "base")
    other = theirs.estimate
    assert (ours.difference, ours.low, ours.high, ours.p) == (other.difference, other.low, other.high, other.p)


def test_pairs_are_more_sensitive_than_intervals(tmp_path):
    longer = [f"{text} Yes." for text in FAIR]
    paired = judge(snapshot(tmp_path, longer), snapshot(tmp_path, FAIR))["rouge1"]
    unpaired = judge(snapshot(tmp_path, longer, examples={}), snapshot(tmp_path, FAIR))["rouge1"]
    assert (paired.how, unpaired.how) == ("paired", "unpaired")
    assert paired.difference.difference == pytest.approx(unpaired.difference.difference)
    assert paired.significant and not unpaired.significant


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"records_hashes": {"lora": "def"}, "references": {"d0": ["Another reference."]}}, "another test set"),
        ({"records_hashes": {}, "references": {}}, "another test set"),
        ({"signature": {"rouge": "stemmer none", "bleu": ""}}, "scored differently: stemmer none, now rouge_score "),
        ({"scores": {"lora": {"rouge1": {"mean": 1.0, "low": 0.0, "high": 2.0}}}}, ""),
    ],
)
def test_what_was_measured_differently_is_not_compared(tmp_path, changes, reason):
    change = judge(snapshot(tmp_path, FAIR, **changes), snapshot(tmp_path, GOOD))["rouge1"]
    assert change.reason.startswith(reason)
    assert (change.difference is None, change.how == "not comparable") == (bool(reason), bool(reason))


def test_the_same_references_in_other_records_are_compared(tmp_path):
    changes = judge(snapshot(tmp_path, FAIR, records_hashes={"lora": "def"}), snapshot(tmp_path, GOOD))
    assert changes["rouge1"].how == "paired"


def test_another_score_for_the_same_summary_is_not_compared(tmp_path):
    before, now = snapshot(tmp_path, GOOD), snapshot(tmp_path, GOOD)
    now.examples["lora"][3]["rouge1"] += 1
    changes = judge(before, now)
    assert changes["rouge1"].reason == "scored differently: another score for the same output"
    assert changes["bleu"].how == "paired"


def test_only_scores_are_judged():
    values = {"old": 1.0, "new": 2.0}
    metrics = {"reports/metrics/lora.json": {"rouge1": values, "other": values}, "reports/speed.json": {"x": values}}
    assert changed_scores(metrics) == {"lora": {"rouge1": values}}


def seeded(folder, texts_of_seeds: dict[int, list[str]], **changes) -> RunSnapshot:
    """One system with several seeds."""
    paths = Paths(folder)
    write_seeds(paths, "lora", texts_of_seeds)
    scores = files.read_json(paths.scores("lora"))
    known = {
        "scores": {"lora": scores["scores"]},
        "signature": scores["signature"],
        "records_hashes": {"lora": "abc"},
        "examples": {"lora": files.read_parquet(paths.example_scores("lora"))},
        "by_seed": {"lora": scores["by_seed"]},
    }
    return RunSnapshot(**known | changes)


def test_seeds_that_both_sides_have_are_compared_with_each_other(tmp_path):
    before = seeded(tmp_path, {17: FAIR, 18: FAIR, 19: GOOD})
    change = judge(before, seeded(tmp_path, {17: GOOD, 18: GOOD, 20: GOOD}))["rouge1"]
    assert (change.how, change.examples, change.difference.seeds) == ("paired", 30, 2)
    rows = before.examples["lora"]
    assert change.difference.difference == pytest.approx(points(rows, 19) - (points(rows, 17) + points(rows, 18)) / 2)


def points(rows: list[dict], seed: int) -> float:
    own = [row["rouge1"] for row in rows if row["seed"] == seed]
    return sum(own) / len(own)


def test_one_training_each_is_called_so_unless_seeds_are_known(tmp_path):
    before, now = seeded(tmp_path, {17: FAIR}), seeded(tmp_path, {17: GOOD})
    change = judge(before, now)["rouge1"]
    assert (change.difference.seeds, change.added_sd, change.significant) == (1, None, True)
    three = seeded(tmp_path, {17: FAIR, 18: GOOD, 19: POOR})
    change = judge(three, now)["rouge1"]
    sd = statistics.stdev(scores["rouge1"] for scores in three.by_seed["lora"].values())
    assert (change.difference.seeds, change.added_sd) == (3, pytest.approx(sd))
    assert not change.significant and change.difference.low < 0 < change.difference.high


def test_without_rows_intervals_of_one_training_are_of_one_training(tmp_path):
    before, now = (seeded(tmp_path, {17: texts}, examples={}) for texts in (POOR, GOOD))
    assert judge(before, now)["rouge1"].difference.seeds == 1
    before, now = (seeded(tmp_path, {17: texts, 18: texts}, examples={}) for texts in (POOR, GOOD))
    assert judge(before, now)["rouge1"].difference.seeds == 2


def test_the_added_variance_is_twice_that_of_a_seed_with_students_interval():
    """sd 6 of 36 examples is an error of 1; sd 2 of three seeds adds 2 x 4: 9 in all, so an error of 3."""
    found = add_seed_variance(Difference(4.0, 2.0, 6.0, 0.001, seeds=1, sd_example=6.0), 36, 2.0, 3)
    df = 9**2 / (1**2 / 35 + 8**2 / 2)
    half = stats.t.ppf(0.975, df) * 3
    assert (found.low, found.high) == pytest.approx((4 - half, 4 + half))
    assert found.p == pytest.approx(2 * stats.t.sf(4 / 3, df))


def test_trainings_that_differ_in_their_seed_alone_are_seldom_called_different():
    """A seed moves a score by 1.27: without its variance more than half of the pairs are called so at 500 examples."""
    rng = np.random.default_rng(0)
    wrong = {"alone": 0, "with seeds": 0}
    for _ in range(300):
        effects = rng.normal(0, 1.27, size=5)  # two trainings, and three from which the standard deviation is known
        rows = rng.normal(effects[0] - effects[1], 7.5, size=500)
        error = rows.std(ddof=1) / np.sqrt(500)
        alone = Difference(rows.mean(), 0, 0, 2 * stats.norm.sf(abs(rows.mean() / error)), sd_example=rows.std(ddof=1))
        wrong["alone"] += alone.p < 0.05
        wrong["with seeds"] += add_seed_variance(alone, 500, effects[2:].std(ddof=1), 3).p < 0.05
    assert wrong["alone"] > 150
    assert 3 < wrong["with seeds"] < 30


def test_another_device_thread_count_or_version_is_named_with_its_systems():
    old = {"device": "cpu (x86_64)", "threads": 2, "versions": {"torch": "2.13.0", "peft": "0.21.2"}}
    new = old | {"threads": 8, "versions": {"torch": "2.14.0", "peft": "0.21.2"}}
    changes = environment_changes({"lora": old, "full": old, "gone": old}, {"lora": new, "full": new, "added": old})
    assert changes == {"threads 2, now 8": ["lora", "full"], "torch 2.13.0, now 2.14.0": ["lora", "full"]}
    assert environment_changes({"lora": old}, {"lora": old}) == {}
    assert environment_changes({"lora": old}, {"lora": old | {"processes": 1}}) == {}  # of before there were several
    assert environment_changes({"lora": old}, {"lora": old | {"processes": 4}}) == {"processes 1, now 4": ["lora"]}
