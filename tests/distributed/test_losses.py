"""Any number of processes trains what one process trains: every default method, both architectures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distributed.worker import Case, write_cases
from tests.project import ROOT

METHODS = ("full", "lora", "prompt_tuning", "adalora")  # the default's, and one that acts during training
ARCHITECTURES = ("seq2seq", "causal")
FULL = {"learning_rate": 3e-3}

pytestmark = pytest.mark.slow


def cases() -> list[Case]:
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
    write_cases(bases, cases())
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "tests.distributed.worker"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, str(bases)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return bases


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_processes_lose_what_one_process_loses(trained, architecture, method):
    alone = Case(f"{architecture}-{method}-alone", architecture, method, 8).run(trained)
    assert len(alone["losses"]) == 6 and alone["losses"][0] != pytest.approx(alone["losses"][-1], abs=0.01)
    for case in cases():
        if (case.architecture, case.method) == (architecture, method):
            together = json.loads((trained / f"{case.name}.json").read_text())
            assert together["losses"] == pytest.approx(alone["losses"], abs=1e-4), case
            assert together["validation"] == pytest.approx(alone["validation"], abs=1e-4), case
            assert together["weights"] == pytest.approx(alone["weights"], rel=1e-2, abs=1e-4), case
