"""What a stage sets before torch is imported."""

import os
import subprocess
import sys

import pytest

from pipeline.core.code_lists import stage_modules

PREPARED = "from pipeline.core.cli import prepare_process; prepare_process(); import torch; torch.ones(2)"


def spins(code: str, **environment: str) -> int:
    """How often a waiting thread looks before it sleeps, as libgomp says of a process that runs `code`.

    (Of an unset policy it says PASSIVE too, but spins.)
    """
    kept = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=kept | {"OMP_DISPLAY_ENV": "verbose"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "GOMP_SPINCOUNT" in line]
    if not lines:
        pytest.skip("this torch's OpenMP does not show its settings")
    return int(lines[0].partition("'")[2].partition("'")[0])


@pytest.mark.slow
def test_threads_wait_passively_although_openmp_reads_its_settings_once_when_torch_loads_it():
    assert spins(PREPARED) == 0
    assert spins("import torch") > 0


def test_a_policy_that_the_user_has_set_wins():
    assert spins(PREPARED, OMP_WAIT_POLICY="active") > 10**6


def test_no_stage_imports_torch_before_its_process_is_prepared():
    modules = [name for name in stage_modules().values() if not name.startswith("pretraining.")]  # run by hand
    code = (
        f"import importlib, sys\nfor name in {modules!r}:\n"
        "    importlib.import_module(name)\n    assert 'torch' not in sys.modules, name"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
