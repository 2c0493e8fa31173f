"""Any number of processes trains what one process trains, and goes on where it was interrupted."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.distributed.worker import Case, write_cases
from tests.project import ROOT

METHODS = ("full", "lora", "prompt_tuning", "adalora")  # the default's, and one that acts during training
ARCHITECTURES = ("seq2seq", "causal")
DROPOUT = {"lora_dropout": 0.3}  # each process draws its own
# Cases that are trained twice, the second time with an interruption.
REPEATED = [
    Case("dropout", "seq2seq", "lora", 8, changes=DROPOUT),
    Case("adalora-again", "causal", "adalora", 8),
    Case("sharded-again", "seq2seq", "full", 8, sharded=True),
]

pytestmark = pytest.mark.slow


def compared() -> list[Case]:
    """Two processes with batches of 8, and with 2 x 4; the last step has 5 examples, so that a share is empty."""
    found = []
    for architecture in ARCHITECTURES:
        for method in METHODS:
            name = f"{architecture}-{method}"
            found += [Case(name, architecture, method, 8), Case(f"{name}-accumulated", architecture, method, 4, 2)]
        found.append(Case(f"{architecture}-full-sharded", architecture, "full", 8, sharded=True))
        found.append(Case(f"{architecture}-full-sharded-accumulated", architecture, "full", 4, 2, sharded=True))
    return found


@pytest.fixture(scope="module")
def trained(bases) -> Path:
    """What two processes lost, by case."""
    interrupted = [replace(case, name=f"{case.name}-interrupted", interrupted=5) for case in REPEATED]
    write_cases(bases, [*compared(), *REPEATED, *interrupted])
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "tests.distributed.worker"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, str(bases)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return bases


def read(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"{name}.json").read_text())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_processes_lose_what_one_process_loses(trained, architecture, method):
    alone = Case(f"{architecture}-{method}-alone", architecture, method, 8).run(trained)
    assert len(alone["losses"]) == 6 and alone["validation"][0] - alone["validation"][-1] > 0.005
    for case in compared():
        if (case.architecture, case.method) == (architecture, method):
            together = read(trained, case.name)
            assert together["losses"] == pytest.approx(alone["losses"], abs=1e-4), case
            assert together["validation"] == pytest.approx(alone["validation"], abs=1e-4), case
            assert together["weights"] == pytest.approx(alone["weights"], rel=1e-2, abs=1e-4), case


@pytest.mark.parametrize("name", [case.name for case in REPEATED])
def test_an_interrupted_training_of_two_processes_ends_with_the_same_weights(trained, name):
    whole, resumed = read(trained, name), read(trained, f"{name}-interrupted")
    assert (whole.pop("resumed_from"), resumed.pop("resumed_from")) == (None, "step-4")
    assert resumed == whole
