"""The benchmark for GPUs, as far as it runs without one."""

import subprocess
import sys

import pytest
import torch

from benchmarks import gpu
from tests.project import ROOT

PARTS = ("memory", "equal", "train", "generation")


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: it would measure for minutes")
def test_without_a_gpu_it_says_so():
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("no GPU that torch can use") and done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("module", ["plan_memory", "equal_runs", "train_speed", "generation_speed"])
def test_every_option_that_it_gives_is_known(module):
    given = [command for part in PARTS for command in gpu.commands(part).values() if command.startswith(module)]
    options = {word for command in given for word in command.split() if word.startswith("--")}
    help_text = subprocess.check_output([sys.executable, "-m", f"benchmarks.{module}", "--help"], cwd=ROOT, text=True)
    assert given and all(f" {option}" in help_text for option in options)


@pytest.mark.slow
def test_equal_runs_are_equal_on_a_cpu(small):
    found = small.run(sys.executable, "-m", "benchmarks.equal_runs", "lora-17", "--precision", "fp32")
    assert found.stdout.splitlines()[-2:] == [
        "lora-17, fp32: adapter_model.safetensors: equal bytes",
        "lora-17, fp32: 4 of 4 predictions the same",
    ], found.stderr
