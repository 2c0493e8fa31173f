import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub: a test that wants the hub fails at once
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import json

import pytest
from filelock import FileLock

from tests import tiny
from tests.project import Project


@pytest.fixture(scope="session")
def seq2seq_base(tmp_path_factory):
    return tiny.make("seq2seq", tmp_path_factory.mktemp("base") / "seq2seq", tiny.texts())


@pytest.fixture(scope="session")
def causal_base(tmp_path_factory):
    return tiny.make("causal", tmp_path_factory.mktemp("base") / "causal", tiny.texts())


@pytest.fixture(scope="session")
def bart_base(tmp_path_factory):
    """A seq2seq base with biases."""
    return tiny.make_bart(tmp_path_factory.mktemp("base") / "bart", tiny.texts())


@pytest.fixture(params=["seq2seq", "causal"])
def architecture(request) -> str:
    return request.param


@pytest.fixture
def base(architecture, request):
    """The base of the architecture that a test runs with."""
    return request.getfixturevalue(f"{architecture}_base")


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Project:
    """The smoke experiment run to its end and committed on `main`; never changed, for all workers' tests copy it.

    Its `stages` are those that ran, in order.
    """
    workers = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp().parent if workers else tmp_path_factory.mktemp("shared")
    ran = shared / "smoke.json"
    with FileLock(shared / "smoke.lock"):
        if ran.exists():
            project = Project(shared / "smoke")
        else:
            project = Project.fresh(shared / "smoke")
            stages = project.dvc("repro")
            project.commit("the smoke experiment")
            ran.write_text(json.dumps(stages))
    project.stages = json.loads(ran.read_text())
    return project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a module run in one worker, for what they share, unless workers share it as they do `smoke`."""
    for item in items:
        if "smoke" not in item.fixturenames and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))
