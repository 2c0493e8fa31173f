"""The metrics of every kind of task, beside those of the libraries that everybody uses."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from pipeline.core.errors import InputError
from pipeline.evaluation import scoring
from pipeline.evaluation.pairs import compare_pairs
from pipeline.evaluation.tasks import KINDS, METRICS, is_primary, kind_of, primary_metric
from pipeline.evaluation.tasks.question_answering import token_f1, tokens
from pipeline.parameters.task import Task
from tests.systems import settings

REASONS = Task(name="reason", kind="classification", fields=["text"], source="text", by_choice=True)
ANSWERS = Task(name="answers", kind="question_answering", fields=["question", "text"], source="text", by_choice=False)
LABELS = ["late delivery", "lost card", "refund"]


def labelled(count=60, seed=0):
    """Records of three labels, and what a system wrote and found likeliest: about two in three are right."""
    rng = np.random.default_rng(seed)
    expected = [LABELS[number] for number in rng.choice(3, count, p=[0.6, 0.3, 0.1])]
    records = {
        str(number): {"id": str(number), "text": "A call.", "references": [label], "choices": LABELS}
        for number, label in enumerate(expected)
    }
    given = [label if rng.random() < 0.6 else rng.choice([*LABELS, "something else"]) for label in expected]
    chosen = [label if rng.random() < 0.7 else rng.choice(LABELS) for label in expected]
    rows = [
        {"id": str(number), "prediction": text, "choice": choice}
        for number, (text, choice) in enumerate(zip(given, chosen))
    ]
    return records, rows, expected, given, chosen


def test_accuracy_and_macro_f1_are_those_of_scikit_learn():
    records, rows, expected, given, chosen = labelled()
    scores = scoring.score_predictions({None: rows}, records, REASONS, settings(), "score").summary["scores"]
    for suffix, found in (("", given), ("_by_choice", chosen)):
        assert scores[f"accuracy{suffix}"]["mean"] == pytest.approx(100 * accuracy_score(expected, found))
        f1 = f1_score(expected, found, labels=sorted(set(expected)), average="macro")
        assert scores[f"macro_f1{suffix}"]["mean"] == pytest.approx(100 * f1)
        assert scores[f"macro_f1{suffix}"]["low"] < 100 * f1 < scores[f"macro_f1{suffix}"]["high"]


def test_a_label_counts_without_case_space_and_full_stop():
    record = {"id": "a", "text": "x", "references": ["Late delivery"], "choices": LABELS}
    scorer = scoring.task_scorer(REASONS, settings(), [record])
    row = scorer.row({"prediction": " late Delivery. ", "choice": "refund"}, record)
    assert (row["accuracy"], row["accuracy_by_choice"], row["unlisted"]) == (1, 0, False)
    assert scorer.row({"prediction": "late"}, record)["unlisted"] is True


def test_a_system_without_a_choice_chose_what_it_wrote():
    records, rows, *_ = labelled()
    written = [{"id": row["id"], "prediction": row["prediction"]} for row in rows]
    scores = scoring.score_predictions({None: written}, records, REASONS, settings(), "score").summary["scores"]
    assert scores["accuracy_by_choice"] == scores["accuracy"]
    assert scores["macro_f1_by_choice"] == scores["macro_f1"]


def test_two_classifiers_are_compared_in_every_metric():
    """Paired: one that is better on a third of the examples is significantly better, the same one never."""
    records, rows, expected, *_ = labelled(150)
    better = [row | {"prediction": label} if n % 3 == 0 else row for n, (row, label) in enumerate(zip(rows, expected))]
    tables = {
        name: scoring.score_predictions({None: each}, records, REASONS, settings(), "score").examples
        for name, each in (("one", rows), ("same", rows), ("better", better))
    }
    pairs = compare_pairs(tables, KINDS["classification"], settings(resamples=2000))
    for name in ("accuracy", "macro_f1"):
        same, over_one, _ = pairs[name]
        assert (same.estimate.difference, same.estimate.p) == (0, 1)
        assert over_one.estimate.low > 0 and over_one.estimate.significant
    assert pairs["accuracy"][1].estimate.p_non_inferior is not None  # the primary one is tested against the margin
    assert pairs["macro_f1"][1].estimate.p_non_inferior is None


def test_over_two_seeds_a_label_metric_is_the_mean_of_both():
    records, rows, *_ = labelled()
    _, other, *_ = labelled(seed=1)
    scored = scoring.score_predictions({1: rows, 2: other}, records, REASONS, settings(), "score").summary
    for name in METRICS:
        if name in scored["scores"]:
            each = [points[name] for points in scored["by_seed"].values()]
            assert scored["scores"][name]["mean"] == pytest.approx(sum(each) / 2)


def test_the_baseline_of_labels_is_the_most_frequent_one():
    records, _, expected, *_ = labelled()
    scorer = scoring.task_scorer(REASONS, settings(), records.values())
    rows = scorer.baselines(list(records.values()))["most_frequent"]
    share = max(map(expected.count, LABELS)) / len(expected)
    assert sum(row["accuracy"] for row in rows) / len(rows) == pytest.approx(share)


@pytest.mark.parametrize(
    ("given", "references", "exact", "f1"),
    [
        ("The Eiffel Tower!", ["Eiffel tower"], 1, 100),
        ("in Paris, France", ["Paris"], 0, 50),
        ("Rome", ["Paris", "rome."], 1, 100),
        ("", ["Paris"], 0, 0),
        ("a the", ["an"], 1, 100),  # nothing but articles on both sides
    ],
)
def test_exact_match_and_token_f1_are_squads(given, references, exact, f1):
    record = {"id": "a", "question": "Where?", "text": "A text.", "references": references}
    row = scoring.task_scorer(ANSWERS, settings(), [record]).row({"prediction": given}, record)
    assert (row["exact_match"], 100 * row["token_f1"]) == (exact, pytest.approx(f1))


def test_answers_of_other_scripts_are_compared_word_by_word():
    assert tokens("北京市", "zh") == ["北", "京", "市"]
    assert token_f1(tokens("北京", "zh"), tokens("北京市", "zh")) == pytest.approx(0.8)


def test_the_primary_metric_says_which_kind_a_table_is_of():
    assert [primary_metric(kind) for kind in KINDS.values()] == ["rouge1", "accuracy", "exact_match"]
    for kind in KINDS.values():
        assert kind_of(kind.metrics) is kind and is_primary(primary_metric(kind))
    assert sum(len(kind.metrics) for kind in KINDS.values()) == len(METRICS)  # no name belongs to two
    with pytest.raises(ValueError, match="no metric"):
        kind_of(["id", "prediction"])


def test_labels_need_no_words(tmp_path):
    """Numbers as labels are labels; a summary without a letter or digit is refused."""
    record = {"id": "a", "text": "x", "references": ["+"], "dialogue": "x"}
    assert scoring.check_words([record], REASONS, settings(), tmp_path) == []
    with pytest.raises(InputError, match="no reference holds a letter"):
        scoring.check_words([record], ANSWERS, settings(), tmp_path)
