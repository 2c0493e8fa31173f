"""Scoring: predictions and records in, scores with intervals, diagnostics and warnings out."""

import time

import numpy as np
import pytest
import sacrebleu

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.evaluation import scoring
from pipeline.evaluation.rouge_bleu import METRICS, RougeBleu
from tests.evaluation.examples import RECORDS, ROWS
from tests.systems import SUMMARIES, settings


def score(folder, rows=ROWS, known=RECORDS, **changes):
    """The summary, the examples' rows and the metrics, as they are written."""
    files.write_jsonl(folder / "predictions.jsonl", rows)
    files.write_jsonl(folder / "test.jsonl", known)
    scores = scoring.score_file(folder / "predictions.jsonl", folder / "test.jsonl", SUMMARIES, settings(**changes))
    written = [folder / name for name in ("scores.json", "examples.parquet", "metrics.json")]
    scoring.write_scores(scores, *written)
    return files.read_json(written[0]), files.read_parquet(written[1]), files.read_json(written[2])


def test_a_score_is_the_mean_over_examples_with_its_interval(tmp_path):
    summary, each, metrics = score(tmp_path)
    by_hand = [RougeBleu(True, "en").row(row["prediction"], known["references"]) for row, known in zip(ROWS, RECORDS)]
    for name in ("rouge1", "rouge2", "rougeL", "rougeLsum"):
        mean = sum(row[name] for row in by_hand) / 3  # a dialogue with three references counts no more
        own = summary["scores"][name]
        assert own["mean"] == pytest.approx(mean, abs=1e-9)
        values = [row[name] for row in by_hand]
        assert min(values) <= own["low"] <= own["mean"] <= own["high"] <= max(values)
        assert metrics[name] == round(mean, 2)
        assert [row[name] for row in each] == pytest.approx(values)
    assert summary["further"]["rouge1_max"] == pytest.approx(sum(row["rouge1_max"] for row in by_hand) / 3)


def test_an_interval_over_seeds_ends_where_points_do():
    """A method with which one seed learned nearly everything, and another nothing."""
    score, one = METRICS["rouge1"], np.ones((1, 6, 1))
    low = scoring.estimate(np.concatenate([0 * one, 8 * one]), score, settings())
    high = scoring.estimate(np.concatenate([100 * one, 92 * one]), score, settings())
    assert low.low == 0 < low.mean < low.high and high.high == 100 > high.mean > high.low


def test_bleu_is_that_of_the_corpus(tmp_path):
    summary, _, metrics = score(tmp_path)
    streams = zip(*(known["references"] + [None] * (3 - len(known["references"])) for known in RECORDS))
    direct = sacrebleu.corpus_bleu([row["prediction"] for row in ROWS], [[*texts] for texts in streams]).score
    assert direct > 1
    assert summary["scores"]["bleu"]["mean"] == pytest.approx(direct, abs=1e-9)
    assert metrics["bleu"] == round(direct, 2)


def test_the_same_predictions_give_the_same_file(tmp_path):
    assert score(tmp_path / "one")[0] == score(tmp_path / "two")[0]


def test_each_dialogue_has_its_row_in_the_order_of_the_records(tmp_path):
    _, each, _ = score(tmp_path, list(reversed(ROWS)))
    assert [row["id"] for row in each] == ["a", "b", "c"]
    assert [row["unsupported"] for row in each] == [[], [], ["Vienna"]]
    assert all({"rouge1", "rougeLsum_max", "bleu_total4", "novel_bigrams", "prediction"} <= set(row) for row in each)


def test_examples_like_one_of_train_are_scored_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "MIN_EXAMPLES", 2)
    known = [RECORDS[0] | {"near": "train-1"}, *RECORDS[1:]]
    summary, each, _ = score(tmp_path, known=known)
    assert summary["without_near_duplicates"]["examples"] == 2
    clean = sum(row["rouge1"] for row in each[1:]) / 2
    assert summary["without_near_duplicates"]["scores"]["rouge1"]["mean"] == pytest.approx(clean)
    assert summary["near_duplicates"] == 1
    whole, _, _ = score(tmp_path)
    assert (whole["near_duplicates"], "without_near_duplicates" in whole) == (0, False)


def test_too_few_examples_unlike_train_have_no_scores_of_their_own(tmp_path):
    summary, _, _ = score(tmp_path, known=[record | {"near": "train-1"} for record in RECORDS])
    assert (summary["near_duplicates"], "without_near_duplicates" in summary) == (3, False)


def test_an_exceeded_bound_is_a_warning_that_names_it(tmp_path, capsys):
    rows = [
        {"id": "a", "prediction": "no no no no no no no no no no no no no no no no no no no", "ended": False},
        {"id": "b", "prediction": "", "ended": True},
        {"id": "c", "prediction": "Silence.", "ended": True},
    ]
    summary, _, _ = score(tmp_path, rows)
    assert summary["diagnostics"]["truncated"] == pytest.approx(100 / 3)
    assert [warning.split("(")[1] for warning in summary["warnings"]] == [
        "score.warn.truncated: 5 points)",
        "score.warn.empty: 1 points)",
    ]  # one of three that repeats may be chance
    assert "WARNING: 33 % of the outputs were truncated" in capsys.readouterr().out
    assert score(tmp_path, [row | {"ended": True} for row in ROWS])[0]["warnings"] == []


def test_what_people_write_too_is_no_warning(tmp_path):
    twice = [row | {"prediction": "We go to Rome. We go to Rome."} for row in ROWS]
    warned = score(tmp_path, twice)[0]["warnings"]
    assert any("100 % of the outputs repeat three words or more, and 0 % of the references" in one for one in warned)
    people = [record | {"references": [f"{record['dialogue']} {record['dialogue']}"]} for record in RECORDS[:2]]
    people.append(RECORDS[2] | {"references": ["They are silent, they are silent."]})
    summary = score(tmp_path, twice, people)[0]
    assert (summary["diagnostics"]["repeats"], summary["reference_diagnostics"]["repeats"]) == (100, 100)
    assert not any("repeat" in one for one in summary["warnings"])


def test_a_wrong_length_is_a_warning(tmp_path):
    summary, _, _ = score(tmp_path, [{"id": name, "prediction": "Yes."} for name in "abc"])
    assert any("times as long as the references" in warning for warning in summary["warnings"])


def test_five_hundred_examples_take_seconds(tmp_path):
    known = [
        {
            "id": str(number),
            "dialogue": f"Anna: My order {number} is late. " * 10,
            "references": [f"Anna says that order {number} is late, and {word} are sorry." * 2 for word in "abc"],
        }
        for number in range(500)
    ]
    rows = [{"id": row["id"], "prediction": f"Anna calls as order {row['id']} has not come. " * 2} for row in known]
    began = time.process_time()  # whatever else the machine does
    score(tmp_path, rows, known, resamples=10_000)
    assert time.process_time() - began < 4  # five methods within 10 s, on two cores


def test_letters_that_rouge_does_not_read_are_a_warning(tmp_path, capsys):
    known = [
        record | {"references": [f"{text} Das hören Käufer öfter." for text in record["references"]]}
        for record in RECORDS
    ]
    summary, _, _ = score(tmp_path, known=known)
    assert any("ROUGE reads only a to z and 0 to 9: " in warning for warning in summary["warnings"])
    assert "WARNING: ROUGE reads only" in capsys.readouterr().out
    assert not any("ROUGE" in warning for warning in score(tmp_path)[0]["warnings"])


def test_texts_that_no_tokenizer_of_the_language_reads_get_no_scores(tmp_path):
    known = [record | {"references": ["Мы платим завтра."]} for record in RECORDS]
    rows = [row | {"prediction": "Мы платим завтра."} for row in ROWS]
    with pytest.raises(InputError, match=r"test\.jsonl: score\.language=en cannot read 3 of 3 .* score\.language=ru"):
        score(tmp_path, rows, known)
    assert not (tmp_path / "scores.json").exists()
    assert score(tmp_path, rows, known, language="ru")[0]["scores"]["rouge1"]["mean"] == 100


def test_a_metric_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"score.evaluate: metric '.*nowhere.py': FileNotFoundError"):
        score(tmp_path, evaluate=[str(tmp_path / "nowhere.py")])
