"""Finding a sweep, and what of the parameters makes experiments comparable."""

import pytest

from pipeline.commands import sweep
from pipeline.core.errors import InputError
from pipeline.core.params import flatten, read_params
from pipeline.experiments.configuration import compose, validate
from pipeline.experiments.sweep_points import lookup, read_forgetting, relevant_settings
from tests.project import ROOT


@pytest.fixture(autouse=True)
def project_folder(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_what_cannot_move_a_methods_scores_does_not_separate_its_points():
    params = read_params()
    own = relevant_settings(params, "lora", "lora.r")
    assert "lora.lora_alpha" in own and "seed" in own and "generate.num_beams" in own
    assert not own.keys() & {"lora.r", "full.learning_rate", "methods", "forgetting.batch_size"}
    assert not any(key.startswith(("generate.latency", "score.warn")) for key in own)
    assert not any(key.startswith("template.") for key in relevant_settings(params, "lora", "template"))


@pytest.mark.parametrize("name", sorted(read_params(ROOT / "conf/sweeps.yaml")))
def test_every_sweep_of_conf_is_over_a_parameter_and_its_values_are_hydras(name):
    named = sweep.find_sweep(name)
    keys = dict(flatten(read_params()))
    assert named.parameter in keys or any(key.startswith(f"{named.parameter}.") for key in keys)
    for value in named.values.split(","):
        validate(compose([f"{named.parameter}={value}"]))


def test_a_value_is_a_number_or_a_text_whatever_the_parameter_holds():
    params = {"a": {"list": ["q", "v"], "flag": True, "none": None, "number": 3, "word": "x", "named": {"name": "n"}}}
    keys = ("list", "flag", "none", "number", "word", "named")
    assert [lookup(params, f"a.{key}") for key in keys] == ['["q", "v"]', "true", "null", 3, "x", "n"]


class Files:
    """An experiment's files: accuracy by run, and the weights that were asked and that are there."""

    def __init__(self, accuracy: dict[str, float], asked: str = "a", there: str = "a") -> None:
        self.accuracy, self.asked, self.there = accuracy, asked, there

    def json(self, path: str) -> dict:
        known = self.accuracy[path.removeprefix("reports/forgetting/").removesuffix(".json")]
        return {"accuracy": {"written": {"number": known, "mood": 0.5, "mean": 0.7}}}

    def dependency_hashes(self, path: str) -> dict[str, str]:
        return {f"forgetting@{path.removeprefix('models/tuned/')}": self.asked}

    def output_hash(self, path: str) -> str:
        return self.there


def test_answers_count_where_they_are_of_the_experiments_own_weights():
    runs = ["lora-1", "lora-2"]
    given = Files({"lora-1": 0.9, "lora-2": 0.8})
    found = read_forgetting(given, runs, ["number"])["written"]
    assert found == pytest.approx({"mean": 67.5, "mean, mixed in": 85.0, "mean, left out": 50.0})
    assert read_forgetting(given, runs, []) == {"written": {"mean": pytest.approx(67.5)}}
    assert read_forgetting(Files(given.accuracy, asked="b"), runs, []) == {}  # of the commit it started from


def test_any_parameter_can_be_swept_and_nonsense_is_refused():
    assert sweep.find_sweep("full.weight_decay").methods == ["full"]
    assert sweep.find_sweep("generate.num_beams").methods is None
    with pytest.raises(InputError, match=r"lora.rr: no sweep"):
        sweep.find_sweep("lora.rr")
    with pytest.raises(InputError, match=r"lora_ranks: no sweep of conf/sweeps.yaml \(lora_rank, .* no parameter"):
        sweep.find_sweep("lora_ranks")
