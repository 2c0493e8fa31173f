"""The score stage: files in, scores with intervals and warnings out, and one clear refusal for each bad file."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import sacrebleu

from pipeline import score
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.evaluation.metrics import Scorer

RECORDS = [
    {"id": "a", "dialogue": "Anna: Money!\nShop: No.", "references": ["Anna wants money back.", "The shop refuses."]},
    {"id": "b", "dialogue": "Bob: To Rome, please.", "references": ["Bob is booking a flight to Rome."]},
    {"id": "c", "dialogue": "Eve: ...", "references": ["Nothing is said.", "Silence.", "They are silent."]},
]  # fmt: skip
ROWS = [
    {"id": "a", "prediction": "Anna calls the shop. She wants her money back!"},
    {"id": "b", "prediction": "Bob books flights to Rome."},
    {"id": "c", "prediction": "Everybody is silent in Vienna."},
]
WARN = {"cut": 5.0, "empty": 1.0, "repeats": 20.0, "unsupported": 50.0, "length_ratio": [0.5, 2.0]}
SETTINGS = {
    "use_stemmer": True,
    "resamples": 500,
    "seed": 0,
    "margin": 3.0,
    "warn": WARN,
    "external": {},
    "evaluate": [],
}


def settings(**changes):
    values = SETTINGS | changes
    return score.Score(**values | {"warn": score.Warn(**values["warn"])})


def run(folder, rows=ROWS, known=RECORDS, **changes):
    files.write_jsonl(folder / "predictions.jsonl", rows)
    files.write_jsonl(folder / "test.jsonl", known)
    outputs = [folder / name for name in ("scores.json", "dialogues.parquet", "metrics.json")]
    score.run(folder / "predictions.jsonl", folder / "test.jsonl", *outputs, score=settings(**changes))
    return json.loads(outputs[0].read_text()), files.read_parquet(outputs[1]), json.loads(outputs[2].read_text())


def test_a_score_is_the_mean_over_dialogues_with_its_interval(tmp_path):
    found, each, metrics = run(tmp_path)
    by_hand = [Scorer(True).row(row["prediction"], known["references"]) for row, known in zip(ROWS, RECORDS)]
    for name in ("rouge1", "rouge2", "rougeL", "rougeLsum"):
        mean = sum(row[name] for row in by_hand) / 3  # a dialogue with three references counts no more
        own = found["scores"][name]
        assert own["mean"] == pytest.approx(mean, abs=1e-9)
        values = [row[name] for row in by_hand]
        assert min(values) <= own["low"] <= own["mean"] <= own["high"] <= max(values)
        assert metrics[name] == round(mean, 2)
        assert [row[name] for row in each] == pytest.approx(values)
    assert found["further"]["rouge1_max"] == pytest.approx(sum(row["rouge1_max"] for row in by_hand) / 3)


def test_bleu_is_that_of_the_corpus(tmp_path):
    found, _, metrics = run(tmp_path)
    streams = zip(*(known["references"] + [None] * (3 - len(known["references"])) for known in RECORDS))
    direct = sacrebleu.corpus_bleu([row["prediction"] for row in ROWS], [[*texts] for texts in streams]).score
    assert direct > 1
    assert found["scores"]["bleu"]["mean"] == pytest.approx(direct, abs=1e-9)
    assert metrics["bleu"] == round(direct, 2)


def test_the_same_predictions_give_the_same_file(tmp_path):
    assert run(tmp_path / "one")[0] == run(tmp_path / "two")[0] | {
        "predictions": str(tmp_path / "one/predictions.jsonl")
    }


def test_each_dialogue_has_its_row_in_the_order_of_the_records(tmp_path):
    _, each, _ = run(tmp_path, list(reversed(ROWS)))
    assert [row["id"] for row in each] == ["a", "b", "c"]
    assert [row["unsupported"] for row in each] == [[], [], ["Vienna"]]
    assert all({"rouge1", "rougeLsum_max", "bleu_total4", "novel_bigrams", "prediction"} <= set(row) for row in each)


def test_dialogues_like_one_of_train_are_scored_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(score, "FEWEST", 2)
    known = [RECORDS[0] | {"near": "train-1"}, *RECORDS[1:]]
    found, each, _ = run(tmp_path, known=known)
    assert found["clean"]["dialogues"] == 2
    clean = sum(row["rouge1"] for row in each[1:]) / 2
    assert found["clean"]["scores"]["rouge1"]["mean"] == pytest.approx(clean)
    assert found["near"] == 1
    whole, _, _ = run(tmp_path)
    assert (whole["near"], "clean" in whole) == (0, False)


def test_too_few_dialogues_unlike_train_have_no_scores_of_their_own(tmp_path):
    found, _, _ = run(tmp_path, known=[record | {"near": "train-1"} for record in RECORDS])
    assert (found["near"], "clean" in found) == (3, False)


def test_a_breach_is_a_warning_that_names_its_threshold(tmp_path, capsys):
    rows = [
        {"id": "a", "prediction": "no no no no no no no no no no no no no no no no no no no", "ended": False},
        {"id": "b", "prediction": "", "ended": True},
        {"id": "c", "prediction": "Silence.", "ended": True},
    ]
    found, _, _ = run(tmp_path, rows)
    assert found["health"]["cut"] == pytest.approx(100 / 3)
    assert [warning.split("(")[1] for warning in found["warnings"]] == [
        "score.warn.cut: 5 %)",
        "score.warn.empty: 1 %)",
        "score.warn.repeats: 20 %)",
    ]
    assert "WARNING: 33 % of the summaries were cut" in capsys.readouterr().out
    assert run(tmp_path, [row | {"ended": True} for row in ROWS])[0]["warnings"] == []


def test_a_wrong_length_is_a_warning(tmp_path):
    found, _, _ = run(tmp_path, [{"id": name, "prediction": "Yes."} for name in "abc"])
    assert any("times as long as the references" in warning for warning in found["warnings"])


GOOD = b'{"id": "a", "prediction": "x"}\n{"id": "b", "prediction": "y"}\n{"id": "c", "prediction": "z"}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + b'{"prediction": "x"}', r":4: no column id; found prediction"),
        (b'{"id": "a", "summary": "x"}', r":1: no column prediction; found id, summary"),
        (GOOD + b'{"id": "d", "prediction": "x"}', r":4: id 'd' is none of the 3 dialogues with references"),
        (b'{"id": "a", "prediction": null}', r":1: prediction is None, expected text"),
        (b'{"id": "a", "prediction": NaN}', r":1: prediction is nan, expected text"),
        (b'{"id": "a", "prediction": 3}', r":1: prediction is 3, expected text"),
        (b'{"id": null, "prediction": "x"}', r":1: id is None, expected text or a number"),
        (GOOD + b"\n" + GOOD[:31], r":5: id 'a' already stands at .*bad.jsonl:1"),
        (GOOD + b'{"id": "b", "pred', r":4: not JSON: "),
        (b'{"id": "a", "prediction": "\\ud83d"}', r":1: prediction is '\\ud83d', expected text"),  # half an emoji
        (b'{"id": ' + 5000 * b"1" + b"}", r":1: not JSON: Exceeds the limit"),
        (b'["a"]', r":1: expected one JSON object a line, found list"),
        (b"", r": the file holds no rows"),
        (GOOD[:31], r": no prediction for 2 of 3 dialogues, first 'b'"),
        (GOOD.replace(b"x", b"").replace(b"y", b" ").replace(b"z", b""), r": every one of 3 predictions is empty"),
    ],
)
def test_bad_predictions_are_refused_with_their_line(tmp_path, content, message):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"bad.jsonl{message}") as refusal:
        score.read_predictions(path, {row["id"]: row for row in RECORDS}, "id", "prediction")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "dialogue": "x"}, r":1: no references; expected records as in data/records/test.jsonl"),
        ({"id": "a", "dialogue": "x", "references": []}, r":1: references is \[\], expected a list"),
        ({"id": "a", "dialogue": "x", "references": "y"}, r":1: references is 'y', expected a list"),
        ({"id": "a", "dialogue": "x", "references": ["y", ""]}, r":1: references is \['y', ''\], expected"),
        ({"id": "a", "dialogue": "x", "references": ["y", " "]}, r":1: references is \['y', ' '\], expected"),
        ({"id": "a", "dialogue": None, "references": ["y"]}, r":1: dialogue is None, expected text"),
        ({"id": "a", "dialogue": ["x"], "references": ["y"]}, r":1: dialogue is \['x'\], expected text"),
        ({"id": None, "dialogue": "x", "references": ["y"]}, r":1: id is None, expected text or a number"),
        ({"id": 7, "dialogue": "x", "references": ["y"]}, r":2: id '7' stands twice"),
    ],
)
def test_bad_references_are_refused_with_their_line(tmp_path, row, message):
    files.write_jsonl(tmp_path / "test.jsonl", [row, {"id": "7", "dialogue": "x", "references": ["y"]}])
    with pytest.raises(InputError, match=f"test.jsonl{message}"):
        score.read_references(tmp_path / "test.jsonl")


def command(*arguments, cwd=".", **environment):
    """`python` on its own, away from this process's imports."""
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())} | environment
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True
    )


def params(folder, **changes):
    (folder / "params.yaml").write_text(json.dumps({"score": SETTINGS | changes}))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_command_scores_any_predictions_file(tmp_path, kind):
    expected, _, _ = run(tmp_path)
    rows = [{"fname": row["id"], "summary": row["prediction"], "model": "elsewhere"} for row in ROWS]
    if kind == "csv":
        with (tmp_path / "p.csv").open("w", newline="") as lines:
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "p.parquet")
    params(tmp_path)
    options = ["--id-column", "fname", "--prediction-column", "summary"]
    files = [f"p.{kind}", "test.jsonl", "new/s.json", "new/d.parquet"]
    done = command("-m", "pipeline.score", *files, *options, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "new/s.json").read_text()) == expected | {"predictions": f"p.{kind}"}
    assert f"bleu {expected['scores']['bleu']['mean']:.2f}" in done.stdout


def test_scoring_imports_neither_torch_nor_transformers(tmp_path):
    run(tmp_path)
    params(tmp_path)
    code = (
        "import sys; sys.argv = ['score', 'predictions.jsonl', 'test.jsonl', 's.json', 'd.parquet']\n"
        "from pipeline import score, stage\n"
        "run_stage(score.run)\n"
        "print(*sorted({'torch', 'transformers', 'datasets', 'evaluate'} & set(sys.modules)), sep=',')"
    )
    done = command("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""


def test_five_hundred_dialogues_take_seconds(tmp_path):
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
    run(tmp_path, rows, known, resamples=10_000)
    assert time.process_time() - began < 4  # five methods within 10 s, on two cores


METRIC = """
import datasets
import evaluate

class Longer(evaluate.Metric):
    def _info(self):
        features = datasets.Features({"predictions": datasets.Value("string"), "references": datasets.Value("string")})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, predictions, references):
        longer = [float(len(left) > len(right)) for left, right in zip(predictions, references)]
        return {"each": longer, "longer": sum(longer) / len(longer), "pairs": len(longer), "name": "longer"}
"""


def test_a_metric_of_evaluate_may_be_a_local_file(tmp_path):
    run(tmp_path)
    (tmp_path / "longer.py").write_text(METRIC)
    params(tmp_path, evaluate=["./longer.py"])
    files = ["predictions.jsonl", "test.jsonl", "s.json", "d.parquet"]
    done = command("-m", "pipeline.score", *files, cwd=tmp_path, HF_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "s.json").read_text())["evaluate"]
    assert found == {"./longer.py": {"each": pytest.approx(5 / 6), "longer": pytest.approx(5 / 6), "pairs": 6.0}}


def test_a_metric_may_want_more_than_texts(tmp_path):
    run(tmp_path)
    text = METRIC.replace("references):", "references, unit, lang):").replace(
        '"name": "longer"', '"name": lang, "unit": unit'
    )
    (tmp_path / "longer.py").write_text(text)
    params(tmp_path, evaluate=["./longer.py", {"name": "./longer.py", "lang": "en", "unit": 7}][1:])
    files = ["predictions.jsonl", "test.jsonl", "s.json", "d.parquet"]
    done = command("-m", "pipeline.score", *files, cwd=tmp_path, HF_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "s.json").read_text())["evaluate"]["./longer.py"]
    assert (found["unit"], found["pairs"]) == (7, 6)
    params(tmp_path, evaluate=[{"lang": "en"}])
    done = command("-m", "pipeline.score", *files, cwd=tmp_path)
    assert done.stderr.startswith("python -m pipeline.score: error: score.evaluate.0") and "name" in done.stderr


def test_letters_that_rouge_does_not_read_are_a_warning(tmp_path):
    known = [record | {"references": ["Мы платим завтра."]} for record in RECORDS]
    rows = [row | {"prediction": "Мы платим завтра."} for row in ROWS]
    found, _, _ = run(tmp_path, rows, known)
    assert found["scores"]["rouge1"]["mean"] == 0
    assert (
        "ROUGE reads a to z and 0 to 9 alone: 100 % of the references' letters count for nothing" in found["warnings"]
    )
    assert not any("ROUGE" in warning for warning in run(tmp_path)[0]["warnings"])


def test_references_without_a_word_leave_no_length_to_compare(tmp_path):
    found, _, _ = run(tmp_path, known=[record | {"references": ["!!!"]} for record in RECORDS])
    assert found["health"]["length_ratio"] is None


def test_a_metric_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"score.evaluate: metric '.*nowhere.py': FileNotFoundError"):
        run(tmp_path, evaluate=[str(tmp_path / "nowhere.py")])
