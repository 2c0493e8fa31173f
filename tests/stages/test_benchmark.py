"""The stages of a benchmark, from a hub or a person's file to paired differences."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import yaml

pytest.importorskip("lm_eval", reason="lm-eval is an extra: pip install --editable '.[benchmark]'")

from pipeline import benchmark, benchmark_data
from pipeline.benchmarking import tasks
from pipeline.benchmarking.item_scores import item_scores
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.benchmark_results import benchmark_results, signature
from pipeline.experiments import configuration
from pipeline.inference.likelihood import choice_log_likelihoods
from pipeline.models.prompts import tokenize_instruction
from pipeline.parameters.benchmark import Benchmark
from pipeline.parameters.data import Data
from tests import hub, tiny
from tests.project import ROOT
from tests.systems import settings

OWN = {
    "stock": None,
    "settings": {
        "output_type": "multiple_choice",
        "doc_to_text": "{{ question }}",
        "doc_to_choice": "choices",
        "doc_to_target": "{{ choices.index(answer) }}",
        "target_delimiter": "",
        "metric_list": [{"metric": "acc"}],
    },
    "data": "own.jsonl",
    "where": {},
    "hub": None,
}
ROWS = [
    {"question": f"Is {n} even?", "choices": ["yes", "no"], "answer": "no" if n % 2 else "yes", "kind": n % 3}
    for n in range(12)
]


def params(**changes) -> Benchmark:
    return tiny.section("benchmark", Benchmark, name="x", **changes)


@pytest.fixture
def paths(tmp_path, seq2seq_base) -> Paths:
    """A project with a base, zero_shot and the rows of a person's file."""
    paths = Paths(tmp_path)
    paths.base_model.parent.mkdir(parents=True)
    paths.base_model.symlink_to(seq2seq_base)
    files.write_jsonl(paths.tuned_model("zero_shot") / "demonstrations.jsonl", [])
    files.write_jsonl(tmp_path / "own.jsonl", ROWS)
    files.write_jsonl(tmp_path / "late.jsonl", [*ROWS, ROWS[0] | {"answer": "Yes"}])
    return paths


def fetch(paths: Paths, chosen: Benchmark) -> None:
    for name in chosen.tasks:
        benchmark_data.run(name, paths, benchmark=chosen, data=tiny.section("data", Data))


def ask(paths: Paths, chosen: Benchmark, run: str = "zero_shot") -> tuple[dict, list[dict]]:
    benchmark.run(run, paths, model=tiny.model_params("seq2seq"), template=tiny.template_params(), benchmark=chosen)
    return files.read_json(paths.benchmark_run(run)), files.read_parquet(paths.benchmark_scores(run))


def test_a_persons_own_items_are_answered_as_our_own_likelihoods_say(paths, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    chosen = params(tasks={"own": OWN, "third": OWN | {"where": {"kind": 1}}})
    fetch(paths, chosen)
    card, rows = ask(paths, chosen)
    model = tiny.load(paths.base_model, "seq2seq")
    prompts = [tokenize_instruction(row["question"], model) for row in ROWS]
    totals = choice_log_likelihoods(model, prompts, [row["choices"] for row in ROWS], 4, "x")
    right = [row["choices"][int(np.argmax(each))] == row["answer"] for row, each in zip(ROWS, totals)]
    assert [row["score"] for row in rows if row["task"] == "own"] == right
    assert card["tasks"]["own"]["score"] == pytest.approx(100 * sum(right) / 12)
    assert card["tasks"]["own"]["score"] == pytest.approx(100 * card["tasks"]["own"]["lm_eval"]["acc,none"])
    assert (card["tasks"]["third"]["items"], card["lm_eval"]) == (4, tasks.version())


def test_a_limit_and_worked_examples_are_settings(paths):
    chosen = params(tasks={"own": OWN}, limit=5, num_fewshot=2)
    fetch(paths, chosen)
    card, rows = ask(paths, chosen)
    assert (len(rows), card["tasks"]["own"]["num_fewshot"], card["tasks"]["own"]["limit"]) == (5, 2, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stock": "no_such_task"}, r"benchmark.tasks.own: lm-eval [\d.]+ has no task 'no_such_task'"),
        ({"settings": OWN["settings"] | {"unsafe_code": True}}, "tasks.own: a task with `unsafe_code` is not run here"),
        ({"settings": {"output_type": "multiple_choice"}}, "benchmark.tasks.own: no metric_list; name a `stock` task"),
        ({"settings": {}}, "benchmark.tasks.own: no output_type; name a `stock` task"),
        ({"data": "late.jsonl"}, "does not fit benchmark.tasks.own .*'Yes' is not in list"),
        ({"where": {"kind": 7}}, "benchmark.tasks.own: no row of own.jsonl has {'kind': 7}"),
        ({"data": "nowhere.jsonl"}, "nowhere.jsonl: no such file"),
        (
            {"settings": OWN["settings"] | {"doc_to_text": "{{ asked }}"}},
            "does not fit benchmark.tasks.own .UndefinedError.*asked.*correct its settings",
        ),
        ({"settings": OWN["settings"] | {"metric_list": [{"metric": "nonsense"}]}}, "benchmark.tasks.own: .*nonsense"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_is_wrong(paths, change, message):
    chosen = params(tasks={"own": OWN | change})
    with pytest.raises(InputError, match=message):
        fetch(paths, chosen)
        ask(paths, chosen)


def test_a_refusal_is_one_line_and_exit_code_1(paths):
    values = configuration.compose(["benchmark=local", "benchmark.tasks.mine.data=own.jsonl"])
    values["benchmark"]["tasks"]["mine"]["settings"]["doc_to_choice"] = "{{ nothing }}"
    (paths.root / "params.yaml").write_text(yaml.safe_dump(values))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = [
        subprocess.run(
            [sys.executable, "-m", *command], cwd=paths.root, env=environment, capture_output=True, text=True
        )
        for command in (["pipeline.benchmark_data", "mine"], ["pipeline.benchmark", "zero_shot"])
    ]
    assert [one.returncode for one in ended] == [0, 1], ended
    (line,) = [line for line in ended[1].stderr.splitlines() if "error:" in line]
    assert line.startswith(
        "python -m pipeline.benchmark: error: data/benchmarks/local/mine: does not fit benchmark.tasks.mine"
    )
    assert "Traceback" not in ended[1].stderr


def sst2(folder) -> None:
    """GLUE's SST-2 as its hub copy lays it out: a folder of Parquet files, named in the card."""
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features(sentence=Value("string"), label=ClassLabel(names=["negative", "positive"]), idx=Value("int32"))
    (folder / "sst2").mkdir(parents=True)
    for split, count in (("train", 6), ("validation", 5), ("test", 4)):
        rows = [{"sentence": f"It is {n} of {split}.", "label": n % 2, "idx": n} for n in range(count)]
        Dataset.from_list(rows, features=features).to_parquet(folder / f"sst2/{split}-00000-of-00001.parquet")
    configs = [{"split": split, "path": f"sst2/{split}-*"} for split in ("train", "validation", "test")]
    card = yaml.safe_dump({"configs": [{"config_name": "sst2", "data_files": configs}]})
    (folder / "README.md").write_text(f"---\n{card}---\n")


@pytest.mark.slow
def test_a_stock_task_comes_from_a_hub_once_and_runs_without_one(paths):
    sst2(paths.root / "repository")
    overrides = ["benchmark=glue", "benchmark.tasks.sst2.hub.revision=main"]
    configuration.write(paths.root / "params.yaml", overrides, conf=ROOT / "conf")
    with hub.serve(datasets={"nyu-mll/glue": paths.root / "repository"}) as endpoint:
        environment = os.environ | {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(paths.root / "hf"),
            "PYTHONPATH": str(ROOT),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
        }
        command = [sys.executable, "-m", "pipeline.benchmark_data", "sst2"]
        done = subprocess.run(command, cwd=paths.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in paths.benchmark_items("glue", "sst2").iterdir())
    assert names == ["source.json", "validation.parquet"]
    values = configuration.compose(overrides, conf=ROOT / "conf")["benchmark"]
    only = {"sst2": values["tasks"]["sst2"]}
    card, rows = ask(paths, tiny.section("benchmark", Benchmark, name="glue", tasks=only))
    assert len(rows) == 5 and card["tasks"]["sst2"]["version"] == "1.0"
    assert card["tasks"]["sst2"]["commit"] == hub.COMMIT and hub.COMMIT[:8] in signature(card)
    assert json.dumps(card)


def write_run(paths: Paths, run: str, scores: list[float], **changes) -> None:
    names = ["one"] * 30 + ["two"] * 10
    rows = [{"task": name, "item": str(n), "score": score} for n, (name, score) in enumerate(zip(names, scores))]
    files.write_parquet(paths.benchmark_scores(run), rows)
    task = {"metric": "acc", "items": 30, "version": "1.0", "num_fewshot": 0, "limit": None, "commit": None}
    card = {"lm_eval": "0.4.13", "tasks": {"one": task | changes, "two": task | {"items": 10}}}
    files.write_json(paths.benchmark_run(run), card)


def test_differences_are_paired_corrected_and_of_tasks_alike_in_the_mean(tmp_path):
    paths = Paths(tmp_path)
    base = [0.0] * 20 + [1.0] * 20
    worse = [0.0] * 20 + [1.0] * 10 + [0.0] * 10  # the whole of the second task
    write_run(paths, "zero_shot", base)
    for seed in (1, 2):
        write_run(paths, f"lora-{seed}", base)
        write_run(paths, f"full-{seed}", worse)
    runs = {"zero_shot": ["zero_shot"], "lora": ["lora-1", "lora-2"], "full": ["full-1", "full-2"]}
    found = benchmark_results(runs, ["lora", "full"], paths, settings(resamples=2000))
    assert found["items"] == {"one": 30, "two": 10}
    assert found["scores"]["zero_shot"] == pytest.approx({"one": 100 / 3, "two": 100, "mean": 200 / 3})
    change = found["differences"]["full"]
    assert change["two"]["difference"] == pytest.approx(-100) and change["mean"]["difference"] == pytest.approx(-50)
    assert change["one"]["difference"] == 0 and not change["one"]["significant"] and change["two"]["significant"]
    assert all(each["p"] <= each["p_holm"] for one in found["differences"].values() for each in one.values())
    assert found["signature"].startswith("lm-eval 0.4.13|one 1.0: acc, 0 examples, all items|two 1.0")


def test_an_interval_has_a_width_where_no_answer_changed(tmp_path):
    paths = Paths(tmp_path)
    for run in ("zero_shot", "lora"):
        write_run(paths, run, [1.0] * 40)
    found = benchmark_results({"zero_shot": ["zero_shot"], "lora": ["lora"]}, ["lora"], paths, settings(resamples=500))
    change = found["differences"]["lora"]["two"]
    assert change["difference"] == 0 and change["low"] < -10 and change["high"] > 10


def test_csv_holds_choices_as_json_and_a_folder_has_a_file_for_each_split(paths):
    (paths.root / "own.csv").write_text('question,choices,answer\nIs it?,"[""yes"", ""no""]",no\n')
    chosen = params(tasks={"own": OWN | {"data": "own.csv"}})
    fetch(paths, chosen)
    (row,) = files.read_parquet(paths.benchmark_items("x", "own") / "test.parquet")
    assert row["choices"] == ["yes", "no"]
    folder = paths.root / "copies"
    for split in ("train", "dev", "test"):
        files.write_jsonl(folder / f"{split}.jsonl", [{"sentence": f"It is of {split}.", "label": 0, "idx": 0}])
    stock = OWN | {"stock": "sst2", "settings": {}, "data": "copies"}
    fetch(paths, params(tasks={"sst2": stock}, num_fewshot=1))
    for split, own in (("train", "train"), ("validation", "dev")):
        (row,) = files.read_parquet(paths.benchmark_items("x", "sst2") / f"{split}.parquet")
        assert row["sentence"] == f"It is of {own}."
    (folder / "dev.jsonl").unlink()
    with pytest.raises(InputError, match="copies: no file of validation in this folder; it has test, train"):
        fetch(paths, params(tasks={"sst2": stock}))


def sample(**scores) -> dict:
    return {"doc_id": 0, "doc_hash": "0" * 64, "filter": "none", **scores}


def test_the_score_of_an_item_is_between_0_and_1_or_there_is_none():
    metric, rows = item_scores("x", [sample(perplexity=-3.5, acc=1.0)], ["perplexity", "acc"])
    assert (metric, rows[0]["score"]) == ("acc", 1.0)
    metric, rows = item_scores("x", [sample(mcc=(1, 1)), sample(mcc=(0, 1))], ["mcc"])
    assert (metric, [row["score"] for row in rows]) == ("equal answers", [1.0, 0.0])
    for wrong in ({"bleu": ("a", "b")}, {"word_perplexity": (-30.0, 5)}, {"acc": 1.5}):
        with pytest.raises(InputError, match="scores an item from 0 to 1"):
            item_scores("x", [sample(**wrong)], list(wrong))


@pytest.mark.parametrize("changes", [{"num_fewshot": 5}, {"limit": 10}, {"version": "2.0"}])
def test_scores_that_were_measured_otherwise_are_not_compared(tmp_path, changes):
    paths = Paths(tmp_path)
    write_run(paths, "zero_shot", [1.0] * 40)
    write_run(paths, "lora", [1.0] * 40, **changes)
    with pytest.raises(InputError, match="zero_shot and lora were asked different items"):
        benchmark_results({"zero_shot": ["zero_shot"], "lora": ["lora"]}, ["lora"], paths, settings())
