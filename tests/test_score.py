import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from pipeline import records, score, stage

ROWS = [
    {
        "id": "a",
        "prediction": "Anna calls the shop. She wants her money back!",
        "references": ["Anna wants money back. She calls the shop.", "Anna complains. The shop refuses."],
    },
    {"id": "b", "prediction": "Bob books flights to Rome.", "references": ["bob is booking a flight to Rome, Italy."]},
    {"id": "c", "prediction": "", "references": ["Nothing is said.", "Silence.", "They are silent."]},
]


def run(folder, rows=ROWS, **changes):
    records.write(folder / "predictions.jsonl", rows)
    params = score.Score(**{"use_stemmer": True, "evaluate": []} | changes)
    score.run(folder / "predictions.jsonl", folder / "scores.json", folder / "metrics.json", score=params)
    return json.loads((folder / "scores.json").read_text()), json.loads((folder / "metrics.json").read_text())


@pytest.mark.parametrize("use_stemmer", [True, False])
def test_rouge_is_what_rouge_score_gives(tmp_path, use_stemmer):
    found, metrics = run(tmp_path, use_stemmer=use_stemmer)
    scorer = RougeScorer(score.ROUGE_TYPES, use_stemmer=use_stemmer)
    split = {  # by hand, sentence by sentence
        ROWS[0]["prediction"]: "Anna calls the shop.\nShe wants her money back!",
        ROWS[0]["references"][0]: "Anna wants money back.\nShe calls the shop.",
        ROWS[0]["references"][1]: "Anna complains.\nThe shop refuses.",
    }
    for name in score.ROUGE_TYPES:
        each = [
            [
                scorer.score(split.get(text, text), split.get(row["prediction"], row["prediction"]))[name].fmeasure
                for text in row["references"]
            ]
            for row in ROWS
        ]
        mean = sum(sum(one) / len(one) for one in each) / 3  # a dialogue with three references counts no more
        assert found[name]["mean"] == pytest.approx(mean, abs=1e-9)
        assert found[name]["max"] == pytest.approx(sum(map(max, each)) / 3, abs=1e-9)
        assert metrics[name] == round(100 * mean, 2)


def test_rouge_1_of_a_case_counted_by_hand(tmp_path):
    rows = [{"id": "a", "prediction": "the cat sat", "references": ["the cat sat down", "a dog"]}]
    found, _ = run(tmp_path, rows)
    # 3 of 3 words found, 3 of 4 words covered: F1 = 2 * 1 * 0.75 / 1.75 = 6/7; nothing of the other reference
    assert found["rouge1"]["max"] == pytest.approx(6 / 7, abs=1e-9)
    assert found["rouge1"]["mean"] == pytest.approx(3 / 7, abs=1e-9)
    assert found["rouge2"]["max"] == pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3), abs=1e-9)


def test_a_stemmer_matches_inflected_words(tmp_path):
    rows = [{"id": "a", "prediction": "booking flights", "references": ["booked flight"]}]
    assert run(tmp_path, rows)[0]["rouge1"]["mean"] == 1
    assert run(tmp_path, rows, use_stemmer=False)[0]["rouge1"]["mean"] == 0


def test_sentences_set_rouge_lsum_apart_from_rouge_l(tmp_path):
    rows = [{"id": "a", "prediction": "She paid. He left.", "references": ["He left. She paid."]}]
    found, _ = run(tmp_path, rows)
    assert (found["rougeL"]["mean"], found["rougeLsum"]["mean"]) == (0.5, 1)


def test_bleu_is_what_sacrebleu_gives(tmp_path):
    found, metrics = run(tmp_path)
    streams = [[*texts] for texts in zip(*(row["references"] + [None] * (3 - len(row["references"])) for row in ROWS))]
    expected = sacrebleu.corpus_bleu([row["prediction"] for row in ROWS], streams).score
    assert expected > 1
    assert found["bleu"]["score"] == pytest.approx(expected, abs=1e-9)
    assert metrics["bleu"] == round(expected, 2)
    assert f"version:{sacrebleu.__version__}" in found["bleu"]["signature"]
    assert "nrefs:var" in found["bleu"]["signature"]


def test_the_signature_holds_all_that_a_figure_depends_on(tmp_path):
    found, _ = run(tmp_path)
    from importlib.metadata import version

    parts = found["rouge_signature"].split("|")
    assert f"rouge_score {version('rouge_score')}" in parts
    assert {"F1", "stemmer porter", "references 1-2-3: mean and max of each", "dialogues 3"} <= set(parts)
    others = [run(tmp_path, use_stemmer=False), run(tmp_path, ROWS[:2])]
    assert len({found["rouge_signature"], *(other["rouge_signature"] for other, _ in others)}) == 3


GOOD = b'{"id": "a", "prediction": "x", "references": ["y"]}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + b'{"prediction": "x", "references": ["y"]}', r":2: no id; found prediction, references"),
        (b'{"id": "a", "summary": "x"}', r":1: no prediction nor references; found id, summary"),
        (GOOD + b'{"id": "b", "prediction": "x", "references": []}', r":2: references is \[\], expected a list"),
        (b'{"id": "b", "prediction": "x", "references": "y"}', r":1: references is 'y', expected a list"),
        (b'{"id": "b", "prediction": "x", "references": ["y", ""]}', r":1: references is \['y', ''\], expected"),
        (b'{"id": "b", "prediction": "x", "references": [null]}', r":1: references is \[None\], expected"),
        (b'{"id": "b", "prediction": null, "references": ["y"]}', r":1: prediction is None, expected text"),
        (b'{"id": "b", "prediction": 3, "references": ["y"]}', r":1: prediction is 3, expected text"),
        (GOOD + b"\n" + GOOD, r":3: id 'a' already stands at .*bad.jsonl:1"),
        (GOOD + b'{"id": "b", "pred', r":2: not JSON: "),
        (b'["a"]', r":1: expected one JSON object a line, found list"),
        (b"", r": no predictions in it"),
    ],
)
def test_bad_predictions_are_refused_with_their_line(tmp_path, content, message):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    with pytest.raises(stage.Refused, match=f"bad.jsonl{message}") as refusal:
        score.read_predictions(path)
    assert "\n" not in str(refusal.value)


def test_missing_predictions_are_refused(tmp_path):
    with pytest.raises(stage.Refused, match=r"nowhere\.jsonl: no such file"):
        score.read_predictions(tmp_path / "nowhere.jsonl")


def command(*arguments, cwd=".", **environment):
    """`python` on its own, away from this process's imports."""
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())} | environment
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True
    )


def test_the_command_scores_any_predictions_file(tmp_path):
    records.write(tmp_path / "p.jsonl", ROWS)
    done = command("-m", "pipeline.score", tmp_path / "p.jsonl", tmp_path / "new" / "s.json")
    assert (done.returncode, done.stderr) == (0, "")
    expected, _ = run(tmp_path)
    found = json.loads((tmp_path / "new" / "s.json").read_text())
    assert found == expected | {"predictions": str(tmp_path / "p.jsonl")}
    assert f"bleu {expected['bleu']['score']:.2f}" in done.stdout


def test_scoring_imports_neither_torch_nor_transformers(tmp_path):
    records.write(tmp_path / "p.jsonl", ROWS)
    code = (
        "import sys; from pathlib import Path; from pipeline import score\n"
        "settings = score.Score(use_stemmer=True, evaluate=[])\n"
        "score.run(Path('p.jsonl'), Path('s.json'), score=settings)\n"
        "print(*sorted({'torch', 'transformers', 'datasets', 'evaluate'} & set(sys.modules)), sep=',')"
    )
    done = command("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""


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
    (tmp_path / "longer.py").write_text(METRIC)
    (tmp_path / "params.yaml").write_text("score: {use_stemmer: true, evaluate: [./longer.py]}\n")
    records.write(tmp_path / "p.jsonl", ROWS)
    done = command("-m", "pipeline.score", "p.jsonl", "s.json", cwd=tmp_path, HF_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "s.json").read_text())["evaluate"]
    assert found == {"./longer.py": {"each": pytest.approx(2 / 6), "longer": pytest.approx(2 / 6), "pairs": 6.0}}


def test_a_metric_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(stage.Refused, match=r"score.evaluate: metric '.*nowhere.py': FileNotFoundError"):
        run(tmp_path, evaluate=[str(tmp_path / "nowhere.py")])
