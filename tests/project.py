"""A copy of the project in an empty folder, as its own git and DVC repository, and what ran there."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import yaml

from pipeline.core.runs import run_name
from pipeline.experiments import configuration
from pipeline.experiments.resolvers import trains_soft_tokens
from pipeline.methods import depends_on_seed
from tests import stage_server

ROOT = Path(__file__).parents[1]
# Small enough for a test, and the default for every later command in the copy: `conf/` says so itself.
SMOKE = "  - experiment: smoke"
METHODS = "[zero_shot, few_shot, prompt_tuning, lora, full]"  # as conf/config.yaml has them
SEED = 17  # its only one
OF_RUNS = ("train", "validate", "generate", "forgetting")


class Project:
    """`forked` stages start fast (tests/stage_server.py), but are not killed with the process that started them."""

    def __init__(self, folder: Path, forked: bool = True, hash_seed: int = 0):
        self.folder = folder
        self.stages: list[str] = []  # what ran to its end before a test got it
        self.server: subprocess.Popen[bytes] | None = None  # and its port
        self.port = 0
        programs = [str(stage_server.start(hash_seed))] if forked else []
        programs += [str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = os.environ | {
            "PATH": os.pathsep.join(programs),
            "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": str(hash_seed),
            "DVC_NO_ANALYTICS": "1",
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.com",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.com",
        }

    @classmethod
    def fresh(cls, folder: Path, methods: list[str] | None = None, cache: "Project | None" = None) -> "Project":
        """The working tree's files, committed, with the smoke experiment and `methods` as conf's defaults.

        With the `cache` of another project, DVC restores the stages that ran there with the same inputs.
        """
        copy_sources(folder)
        if cache:
            shutil.copytree(cache.folder / ".dvc/cache", folder / ".dvc/cache")
        project = cls(folder)
        project.edit("conf/config.yaml", "  - experiment: null", SMOKE)
        if methods:
            project.edit("conf/config.yaml", f"methods: {METHODS}", f"methods: [{', '.join(methods)}]")
        project.compose()
        project.must("git", "init", "--quiet", "--initial-branch=main")
        project.commit("start")
        return project

    def copy(self, folder: Path) -> "Project":
        """Another project with all this one has done, cache included."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, symlinks=True)
        return Project(folder)

    def lend_environment(self) -> None:
        """A .venv that is the tests' own, so that `make` has nothing to set up."""
        (self.folder / ".venv").mkdir()
        for name in ("bin", "lib", "pyvenv.cfg"):
            (self.folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
        (self.folder / ".venv/ready").touch()

    def compose(self) -> None:
        """What `make params` does, without a process of its own."""
        configuration.write(self.folder / "params.yaml", conf=self.folder / "conf")

    def commit(self, message: str) -> None:
        self.must("git", "add", "--all")
        self.must("git", "commit", "--quiet", "--message", message)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text, f"{name} holds no {old!r}"
        (self.folder / name).write_text(text.replace(old, new, 1))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """A command that goes on."""
        return subprocess.Popen(command, cwd=self.folder, env=self.environment)

    def must(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def dvc(self, *arguments: str) -> list[str]:
        """Run a dvc command that must succeed; the stages that ran, in order."""
        return ran(self.must("dvc", *arguments))

    def run_queue(self, count: int, seconds: float = 600) -> None:
        """Run the queued experiments, `count` of them, to their end.

        Finished ones are counted in git. `dvc queue status` takes seconds of a processor and writes to the queue's
        messages, and a worker that reads one half-written ends with an error.
        """
        done = self.experiments() + count
        self.must("bash", "-c", "dvc queue start > /dev/null 2>&1")  # the worker outlives it, and keeps its output
        deadline = time.monotonic() + seconds
        while self.experiments() < done or self.has_worker():  # a task for one that is just ending would be lost
            if time.monotonic() > deadline:
                raise AssertionError(self.must("dvc", "queue", "status"))
            time.sleep(0.5)

    def experiments(self) -> int:
        """How many experiments have ended well."""
        references = self.must("git", "for-each-ref", "--format", "%(refname)", "refs/exps")
        return len(re.findall(r"^refs/exps/[0-9a-f]{2}/", references, flags=re.MULTILINE))

    def has_worker(self) -> bool:
        """Whether a worker of this project's queue runs."""
        workers = [
            Path(process.info["cwd"] or "/")
            for process in psutil.process_iter(["cmdline", "cwd"])
            if "queue-worker" in (process.info["cmdline"] or [])
        ]
        return any(worker.resolve().is_relative_to(self.folder.resolve()) for worker in workers)

    def outputs(self) -> dict[str, str]:
        """Path -> hash of every output in dvc.lock."""
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text())
        return {out["path"]: out["md5"] for found in lock["stages"].values() for out in found.get("outs", [])}

    def json(self, name: str) -> dict[str, Any]:
        return json.loads((self.folder / name).read_text())


def copy_sources(folder: Path) -> None:
    """The files of the working tree that git knows or would take, but no results other than the sweeps'."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        result = name.startswith(("reports/", "dvc.lock")) and not name.startswith("reports/sweeps/")
        if (ROOT / name).is_file() and not result:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def ran(output: str) -> list[str]:
    return re.findall(r"^Running stage '(.+)':$", output, flags=re.MULTILINE)


def after(*methods: str) -> set[str]:
    """The stages that a new set of weights of these methods makes run, with the seed of the smoke experiment."""
    each = {f"{kind}@{one}" for kind in OF_RUNS for one in runs(*methods)}
    each |= {f"model_card@{one}" for one in runs(*methods)}
    each |= {f"soft_prompt@{one}" for one in runs(*filter(trains_soft_tokens, methods))}
    return each | {f"score@{method}" for method in methods} | {"measure"}


def runs(*methods: str) -> list[str]:
    """The run of each method."""
    return [run_name(method, SEED if depends_on_seed(method) else None) for method in methods]
