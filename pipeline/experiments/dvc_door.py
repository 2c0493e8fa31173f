"""What the command `dvc` does in this project before DVC starts and after it failed (dvc_command.py)."""

import os
import sys

from pipeline.core.errors import InputError
from pipeline.core.imports import ROOT
from pipeline.experiments.override_syntax import readable_command
from pipeline.experiments.queue_workers import share_machine
from pipeline.experiments.repository_state import explain_state


def before(arguments: list[str]) -> list[str]:
    """The arguments for DVC. Ends the process with one line where they cannot be read."""
    try:
        words = readable_command(arguments, ROOT)
    except InputError as error:
        sys.exit(f"ERROR: {error}")
    for given, read in zip(arguments, words):
        if given != read:
            print(f"{given} is read as {read}", file=sys.stderr)
    if decided := share_machine(words, os.environ):
        print(decided, file=sys.stderr)
    return words


def after(arguments: list[str]) -> None:
    """Say what is wrong with the repository, if something is."""
    if {*arguments} & {"repro", "exp", "queue"} and (explanation := explain_state(ROOT)):
        print(f"ERROR: {explanation}", file=sys.stderr)
