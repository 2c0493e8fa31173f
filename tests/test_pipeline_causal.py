"""The whole pipeline with a causal chat model: every method, on the smoke experiment."""

import pytest

from tests import tiny
from tests.project import Project, after, runs
from tests.test_pipeline import METHODS

pytestmark = pytest.mark.slow


def test_every_method_runs_on_a_causal_chat_model(tmp_path):
    project = Project.fresh(tmp_path / "project")
    tiny.make("causal", project.folder / "models/tiny_llama", tiny.texts())
    project.commit("a causal model")
    model = ["model=local", "model.path=models/tiny_llama", "model.architecture=causal", "model.chat=true"]
    overrides = [word for value in [*model, "template=chat"] for word in ("-S", value)]
    stages = project.dvc("exp", "run", *overrides)
    assert after(*METHODS) <= set(stages)
    rows = project.json("reports/comparison.json")["systems"]
    assert [row["name"] for row in rows if row["kind"] == "method"] == METHODS
    prompt = (project.folder / "data/prompts/test.jsonl").read_text()
    assert "<|im_start|>user" in prompt
    for method, run in zip(METHODS, runs(*METHODS)):
        assert "<|im_" not in (project.folder / f"reports/predictions/{method}/{run}.jsonl").read_text()
