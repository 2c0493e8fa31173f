import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub: a test that wants the hub fails at once
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # tests run side by side
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or every program that a test starts compiles the project again

import json
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

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
def shared(tmp_path_factory) -> Path:
    """A folder that all workers have in common."""
    workers = "PYTEST_XDIST_WORKER" in os.environ
    return tmp_path_factory.getbasetemp().parent if workers else tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="session")
def small(shared) -> Project:
    """The smoke experiment with zero_shot and lora: half of the stages, for all that do not need more."""
    return finished_project(shared, "small", ["zero_shot", "lora"])


@pytest.fixture(scope="session")
def smoke(shared, small) -> Project:
    """The smoke experiment with all methods; what is in `small` too is restored from its cache."""
    return finished_project(shared, "smoke", cache=small)


def finished_project(
    shared: Path, name: str, methods: list[str] | None = None, cache: Project | None = None
) -> Project:
    """A project that is run to its end and committed on `main` once, and never changed: tests copy it.

    Its `stages` are those that ran, in order, after those of the project whose cache it had.
    """
    ran = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if ran.exists():
            project = Project(shared / name)
        else:
            project = Project.fresh(shared / name, methods, cache)
            stages = [*(cache.stages if cache else []), *project.dvc("repro")]
            project.commit("the smoke experiment")
            ran.write_text(json.dumps(stages))
    project.stages = json.loads(ran.read_text())
    return project


# Their tests run in any worker: what they share is `smoke`, which all workers share.
SPREAD = ("test_docs", "test_pipeline")
# The longest first, or one of them would be the only one left at the end.
FIRST = (*SPREAD, "test_peft_methods", "test_fresh_clone", "test_sharing", "test_pull_request", "test_pretraining")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST))


class ByFile(LoadScopeScheduling):
    """All tests of a file in one worker, for the fixtures that they share, but for those of SPREAD."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if Path(file).stem in SPREAD:
            return nodeid
        return file + test[test.find("[") :] if Path(file).stem == "test_peft_methods" else file  # a model each


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False
    return ByFile(config, log)
