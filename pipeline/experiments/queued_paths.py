"""Files that a configuration names must be there, and for an experiment of the queue, in its copy of the project too.

`dvc exp run` checks this before anything is queued or run. The stage `config` does not: a stage that reads a file says
more about it.
"""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.experiments.path_validation import exists, named_paths, read_outputs, steps


def check_present(values: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError for a path where there is neither a file nor a folder, nor an output, nor what DVC tracks."""
    folder = Path(os.path.realpath(folder))
    outputs = read_outputs(folder, values)
    for key, text in named_paths(values, folder):
        path = Path(os.path.normpath(folder / text))
        if not (exists(path) or outputs.holding(path) or any(map(exists, _dvc_files(path, folder)))):
            hint = "" if Path(text).is_absolute() else f" in {folder}, where relative paths begin"
            raise InputError(f"{key}: {text!r}: no such file or folder{hint}")


def check_queued(values: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError for data that the queue's copy of the project would not have: git and DVC do not know it."""
    folder = Path(os.path.realpath(folder))
    outputs = read_outputs(folder, values)
    for key, text in named_paths(values, folder):
        path = Path(os.path.normpath(folder / text))
        if Path(text).is_absolute() or outputs.holding(path):
            continue
        for place in steps(folder / text):
            if folder not in place.parents:
                raise InputError(
                    f"{key}: {text!r} leads out of the project, and an experiment of the queue runs in a copy "
                    f"elsewhere; write the whole path: {os.path.realpath(path)}"
                )
            if _git_lacks(place, folder):
                name = place.relative_to(folder).as_posix()
                raise InputError(
                    f"{key}: git does not track {name!r}, and an experiment of the queue runs in a copy of what git "
                    f"tracks. First: dvc add {shlex.quote(name)} && git add {shlex.quote(f'{name}.dvc')}"
                )


def _git_lacks(path: Path, folder: Path) -> bool:
    """Whether a path has files that are neither in git's index nor in a file or folder that DVC tracks."""
    listed = ["git", "-C", str(folder), "ls-files", "-z"]
    others = subprocess.run([*listed, "--others", "--directory", "--", f":(literal){path}"], capture_output=True)
    if not others.stdout:
        return False
    tracked = [f":(literal){each}" for each in _dvc_files(path, folder)]
    return not subprocess.run([*listed, "--", *tracked], capture_output=True).stdout


def _dvc_files(path: Path, folder: Path) -> list[Path]:
    """Where `dvc add` describes a path, or a folder that it lies in."""
    inside = [each for each in (path, *path.parents) if folder in each.parents]
    return [each.with_name(f"{each.name}.dvc") for each in inside]
