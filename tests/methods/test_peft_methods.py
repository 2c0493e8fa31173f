"""The methods of conf/peft_methods.yaml through the whole pipeline, on the smoke experiment, for both architectures."""

import json
import math

import pytest
import yaml
from safetensors.torch import load_file

from pipeline import methods
from tests import tiny
from tests.project import ROOT, Project, after, runs

pytestmark = pytest.mark.slow

FURTHER = list(yaml.safe_load((ROOT / "conf/peft_methods.yaml").read_text()))
MERGED = {"ia3", "ln_tuning", "dora", "adalora"}
CHOSEN = {"seq2seq": FURTHER, "causal": ["ia3", "adalora", "p_tuning"]}  # one of a kind, for time
CAUSAL = [
    "model=local",
    "model.path=models/tiny_llama",
    "model.architecture=causal",
    "model.chat=true",
    "template=chat",
]
# Of models/tiny_t5: 192 wide, feed-forward layers 512, four encoder and three decoder blocks; ia3, for instance, scales
# keys and values of ten attentions and the 512 inputs of seven feed-forward layers.
TRAINABLE = {
    "ia3": 10 * 2 * 192 + 7 * 512,
    "ln_tuning": (4 * 2 + 1 + 3 * 3 + 1) * 192,
    "dora": 6 * 30_144 + 16_192,  # rank x (inputs + outputs of all matrices), and a length for each output
    "adalora": 9 * (30_144 + 61),  # 61 matrices
    "prefix_tuning": 20 * 3 * 2 * 192,
    "p_tuning": 20 * 192 + 193 * 128 + 129 * 128 + 129 * 192,
}


@pytest.fixture(scope="module", params=["seq2seq", "causal"])
def finished(request, tmp_path_factory) -> Project:
    """The smoke experiment run with the further methods of CHOSEN, in one go."""
    project = Project.fresh(tmp_path_factory.mktemp(request.param))
    chosen = [
        f"methods=[{','.join(CHOSEN[request.param])}]",
        "generate.latency={prompts: 1, batch_size: 2, new_tokens: 4, rounds: 1}",
    ]
    if request.param == "causal":
        tiny.make("causal", project.folder / "models/tiny_llama", tiny.texts())
        chosen += CAUSAL
        project.commit("a causal model")
    project.stages = project.dvc("exp", "run", *(word for value in chosen for word in ("-S", value)))
    project.architecture, project.methods = request.param, CHOSEN[request.param]
    return project


def numbers(value: object) -> list[float]:
    """Every number of a JSON value, at any depth."""
    if isinstance(value, dict | list):
        return [number for inner in (value.values() if isinstance(value, dict) else value) for number in numbers(inner)]
    return [value] if isinstance(value, int | float) else []


def test_every_method_of_conf_peft_methods_has_a_file_and_none_is_a_default():
    assert set(FURTHER) <= set(methods.names())
    assert not set(FURTHER) & set(yaml.safe_load((ROOT / "conf/config.yaml").read_text())["methods"])
    assert set(FURTHER) == set(TRAINABLE)


def test_every_further_method_runs_through_the_whole_pipeline(finished):
    assert after(*finished.methods) <= set(finished.stages)
    rows = [row for row in finished.json("reports/comparison.json")["systems"] if row["kind"] == "method"]
    assert [row["name"] for row in rows] == finished.methods
    test = [json.loads(line)["id"] for line in (finished.folder / "data/records/test.jsonl").read_text().splitlines()]
    for method, run in zip(finished.methods, runs(*finished.methods)):
        predictions = (finished.folder / f"reports/predictions/{method}/{run}.jsonl").read_text().splitlines()
        assert [json.loads(line)["id"] for line in predictions] == test, method
        records = ("forgetting/{}", "runs/train/{}", "runs/generate/{}", "curves/{}/metrics")
        for name in (f"metrics/{method}", *(record.format(run) for record in records)):
            values = numbers(finished.json(f"reports/{name}.json"))
            assert values and all(map(math.isfinite, values)), (method, name)
        forms = {
            one["form"] for one in finished.json("reports/runs/inference.json")["variants"] if one["method"] == method
        }
        assert forms == ({"merged", "unmerged"} if method in MERGED else {"as it is"}), method


def test_every_further_method_trains_what_it_says_and_its_loss_moves(finished):
    for method, run in zip(finished.methods, runs(*finished.methods)):
        record = finished.json(f"reports/runs/train/{run}.json")
        if finished.architecture == "seq2seq":
            assert record["trainable_parameters"] == TRAINABLE[method], method
        assert 0 < record["trainable_parameters"] < record["total_parameters"]
        curve = finished.folder / f"reports/curves/{run}/plots/metrics/validation/loss.tsv"
        losses = [float(line.split("\t")[1]) for line in curve.read_text().splitlines()[1:]]
        assert len(set(losses)) == len(losses) == 3, method  # each of the three evaluations saw other weights
        assert record["best_validation_loss"] == min(losses)
        weights = load_file(finished.folder / f"models/tuned/{run}/adapter_model.safetensors")
        assert all(value.isfinite().all() for value in weights.values())


@pytest.mark.parametrize("finished", ["seq2seq"], indirect=True)
def test_two_trainings_of_a_further_method_leave_the_same_bytes(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    before = project.outputs()
    trained = [f"train@{run}" for run in runs(*finished.methods)]
    assert project.dvc("repro", "--force", "--single-item", *trained) == trained
    for run in runs(*finished.methods):
        for path in (f"models/tuned/{run}", f"reports/curves/{run}"):
            assert project.outputs()[path] == before[path], path
