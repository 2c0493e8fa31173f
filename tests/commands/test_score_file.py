"""Scoring a file by hand, as a process of its own."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import asdict

import pyarrow
import pyarrow.parquet
import pytest

from pipeline.core import files
from tests.evaluation.examples import RECORDS, ROWS
from tests.project import ROOT
from tests.systems import SETTINGS, SUMMARIES

ARGUMENTS = ["predictions.jsonl", "test.jsonl", "s.json", "d.parquet"]


pytestmark = pytest.mark.slow  # each test starts a program


@pytest.fixture
def folder(tmp_path):
    """A project's folder with parameters, records and predictions."""
    files.write_jsonl(tmp_path / "test.jsonl", RECORDS)
    files.write_jsonl(tmp_path / "predictions.jsonl", ROWS)
    write_params(tmp_path)
    return tmp_path


def write_params(folder, **changes):
    (folder / "params.yaml").write_text(json.dumps({"task": asdict(SUMMARIES), "score": SETTINGS | changes}))


def python(folder, *arguments, **environment):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def score_file(folder, *arguments, **environment):
    return python(folder, "-m", "pipeline.commands.score_file", *arguments, **environment)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_command_scores_any_predictions_file(folder, kind):
    assert score_file(folder, *ARGUMENTS).returncode == 0
    expected = files.read_json(folder / "s.json")
    rows = [{"fname": row["id"], "summary": row["prediction"], "model": "another"} for row in ROWS]
    if kind == "csv":
        with (folder / "p.csv").open("w", newline="") as lines:
            writer = csv.DictWriter(lines, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "p.parquet")
    options = ["--id-column", "fname", "--prediction-column", "summary"]
    done = score_file(folder, f"p.{kind}", "test.jsonl", "new/s.json", "new/d.parquet", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert files.read_json(folder / "new/s.json") == expected
    assert f"bleu {expected['scores']['bleu']['mean']:.2f}" in done.stdout


def test_scoring_imports_neither_torch_nor_transformers(folder):
    code = (
        f"import sys; sys.argv = ['score_file', *{ARGUMENTS}]\n"
        "from pipeline.commands import score_file\nfrom pipeline.core.cli import run_stage\n"
        "run_stage(score_file.run)\n"
        "print(*sorted({'torch', 'transformers', 'datasets', 'evaluate', 'altair'} & set(sys.modules)), sep=',')"
    )
    done = python(folder, "-c", code)
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


def test_a_metric_of_evaluate_may_be_a_local_file(folder):
    (folder / "longer.py").write_text(METRIC)
    write_params(folder, evaluate=["./longer.py"])
    done = score_file(folder, *ARGUMENTS, HF_HOME=str(folder / "cache"))
    assert done.returncode == 0, done.stderr
    evaluated = files.read_json(folder / "s.json")["evaluate"]
    assert evaluated == {"./longer.py": {"each": pytest.approx(5 / 6), "longer": pytest.approx(5 / 6), "pairs": 6.0}}


def test_a_metric_may_need_more_than_texts(folder):
    text = METRIC.replace("references):", "references, unit, lang):")
    (folder / "longer.py").write_text(text.replace('"name": "longer"', '"name": lang, "unit": unit'))
    write_params(folder, evaluate=[{"name": "./longer.py", "lang": "en", "unit": 7}])
    done = score_file(folder, *ARGUMENTS, HF_HOME=str(folder / "cache"))
    assert done.returncode == 0, done.stderr
    evaluated = files.read_json(folder / "s.json")["evaluate"]["./longer.py"]
    assert (evaluated["unit"], evaluated["pairs"]) == (7, 6)
    write_params(folder, evaluate=[{"lang": "en"}])
    done = score_file(folder, *ARGUMENTS)
    assert "error: score.evaluate.0" in done.stderr and "name" in done.stderr


def test_the_language_is_that_of_params_or_of_the_option(folder):
    texts = ["小明预订了机票。", "他很高兴。", "没有消息。"]
    files.write_jsonl(folder / "test.jsonl", [row | {"references": [text]} for row, text in zip(RECORDS, texts)])
    files.write_jsonl(folder / "predictions.jsonl", [row | {"prediction": text} for row, text in zip(ROWS, texts)])
    done = score_file(folder, *ARGUMENTS)
    assert done.returncode == 1
    assert done.stderr.endswith(
        "error: test.jsonl: score.language=en cannot read 3 of 3 references, which are written in Chinese letters: "
        "their scores would mean nothing; set score.language=zh for Chinese, or the code of another language of this "
        "script\n"
    )
    done = score_file(folder, *ARGUMENTS, "--language", "zh-CN")
    assert done.returncode == 0
    assert "rouge1 100.0" in done.stdout and "bleu 100.0" in done.stdout
    done = score_file(folder, *ARGUMENTS, "--language", "chinese")
    assert "error: --language: 'chinese' is no code of a language; use zh for Chinese" in done.stderr
    write_params(folder, language="zh")
    assert score_file(folder, *ARGUMENTS).returncode == 0
