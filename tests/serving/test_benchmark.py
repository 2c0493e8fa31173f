"""`python -m benchmarks.serving` runs to its table."""

import os
import subprocess
import sys

import pytest

from tests import tiny


@pytest.fixture
def architecture() -> str:
    return "seq2seq"


@pytest.mark.slow
def test_the_benchmark_counts_requests_of_all_three_ways(project):
    small = ["--requests", "24", "--alone", "2", "--clients", "4", "--rounds", "1", "--methods", "lora,prompt_tuning"]
    environment = os.environ | {"PYTHONPATH": str(tiny.ROOT)}
    command = [sys.executable, "-m", "benchmarks.serving", *small]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "| loop |" in done.stdout and "| 4 clients |" in done.stdout
    assert "texts that differ from the loop's: 0" in done.stdout
