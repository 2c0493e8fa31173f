"""Changes of scores between a base and a change of it, on scores that are known."""

import pytest

from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.evaluation.pairs import compare_pairs
from pipeline.evaluation.run_diff import RunSnapshot, ScoreChange, changed_scores, judge_changes
from tests.systems import FAIR, GOOD, POOR, RECORDS, settings, write_scores


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
        "dialogues": {"lora": files.read_parquet(paths.dialogue_scores("lora"))},
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
    dialogues = {"base": before.dialogues["lora"], "now": now.dialogues["lora"]}
    theirs = compare_pairs(dialogues, settings())["rouge1"][0]
    ours = judge(before, now)["rouge1"].difference
    assert (theirs.first, theirs.second) == ("now", "base")
    other = theirs.estimate
    assert (ours.difference, ours.low, ours.high, ours.p) == (other.difference, other.low, other.high, other.p)


def test_pairs_are_more_sensitive_than_intervals(tmp_path):
    longer = [f"{text} Yes." for text in FAIR]
    paired = judge(snapshot(tmp_path, longer), snapshot(tmp_path, FAIR))["rouge1"]
    unpaired = judge(snapshot(tmp_path, longer, dialogues={}), snapshot(tmp_path, FAIR))["rouge1"]
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
    now.dialogues["lora"][3]["rouge1"] += 1
    changes = judge(before, now)
    assert changes["rouge1"].reason == "scored differently: another score for the same summary"
    assert changes["bleu"].how == "paired"


def test_only_scores_are_judged():
    values = {"old": 1.0, "new": 2.0}
    metrics = {"reports/metrics/lora.json": {"rouge1": values, "other": values}, "reports/speed.json": {"x": values}}
    assert changed_scores(metrics) == {"lora": {"rouge1": values}}
