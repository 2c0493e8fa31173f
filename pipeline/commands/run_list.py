"""Run the experiments of a list, or one machine's part of them, and push each: a sweep over several machines.

    python -m pipeline run_list experiments.txt --part 2 --parts 8

Each line has the options of one `dvc exp run`, such as: -S 'methods=[lora]' -S lora.r=16 validate. Empty lines and
those that begin with # are left out. Part 2 of 8 takes the second line, the tenth, and so on. An experiment that the
remote has already is not run again, so a part that was stopped goes on where it was. docs/several_machines.md says how
the results meet, and slurm/sweep.sbatch does the same as an array of Slurm.
"""

import hashlib
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.files import read_text


@dataclass(frozen=True)
class Listed:
    """An experiment of a list. name: that of the list and a hash of the options."""

    line: int
    name: str
    options: list[str]


def run(experiments: str, *, part: int = 1, parts: int = 1, remote: str = "origin") -> None:
    if not 1 <= part <= parts:
        raise InputError(f"--part {part} --parts {parts}: part is a number from 1 to parts")
    chosen = read_list(Path(experiments))[part - 1 :: parts]
    check_remotes(remote)
    done, failed = names_on(remote), []
    for number, listed in enumerate(chosen, start=1):
        where = f"{experiments}, line {listed.line} ({number} of {len(chosen)})"
        if listed.name in done:
            print(f"{where}: {remote} has {listed.name} already")
            continue
        print(f"{where}: {listed.name}: {shlex.join(listed.options)}")
        if not run_and_push(listed, remote):
            failed.append(listed)
    if failed:
        lines = ", ".join(str(listed.line) for listed in failed)
        raise InputError(
            f"{experiments}: {len(failed)} of {len(chosen)} experiments failed (lines {lines}); what they printed is "
            "above. The same command runs these again, and no others"
        )


def read_list(path: Path) -> list[Listed]:
    """The experiments of a list. Raises InputError for a line that a shell could not read, and for an empty list."""
    found = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            options = shlex.split(line, comments=True)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {error}: {line.strip()}") from None
        if options:
            digest = hashlib.sha256("\0".join(options).encode()).hexdigest()[:8]
            found.append(Listed(number, f"{path.stem}-{digest}", options))
    if not found:
        raise InputError(
            f"{path}: no experiment in it; a line has the options of one `dvc exp run`, such as -S lora.r=8"
        )
    return found


def check_remotes(remote: str) -> None:
    """Raise InputError where there is no place to push to: an experiment's commit goes to git, its outputs to DVC."""
    if remote not in output_of("git", "remote").split():
        raise InputError(f"git has no remote {remote!r} to push experiments to: git remote add {remote} ADDRESS")
    if subprocess.run(["dvc", "remote", "default"], capture_output=True).returncode:
        raise InputError("DVC has no default remote for outputs: dvc remote add --default storage FOLDER_OR_ADDRESS")


def names_on(remote: str) -> set[str]:
    """The experiments of this commit that a git remote has."""
    return set(output_of("dvc", "exp", "list", "--names-only", remote).split())


def run_and_push(listed: Listed, remote: str) -> bool:
    """Whether the experiment ran and arrived. One that ran here before, and was not pushed, is only pushed."""
    here = set(output_of("dvc", "exp", "list", "--names-only").split())
    commands = (
        [["dvc", "exp", "run", "--pull", "--name", listed.name, *listed.options]] if listed.name not in here else []
    )
    commands.append(["dvc", "exp", "push", "--run-cache", remote, listed.name])
    return all(subprocess.run(command).returncode == 0 for command in commands)


def output_of(*command: str) -> str:
    """What a command prints. Raises InputError with its last line where it complains."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise InputError(
            f"{command[0]}: no such command; activate the environment (source .venv/bin/activate)"
        ) from None
    if done.returncode and done.stderr.strip():
        raise InputError(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


if __name__ == "__main__":
    run_stage(run)
