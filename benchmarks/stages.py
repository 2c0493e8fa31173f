"""Stages of this project in another folder, as processes of their own."""

import os
import subprocess
import sys
from pathlib import Path


def run_stage(module: str, run: str, folder: Path) -> None:
    """Run `python -m MODULE RUN` in a folder with the code of this one; ends the benchmark where it fails."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", module, run]
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{done.stdout.decode(errors='replace')}\n{module} {run} ended with code {done.returncode}")
