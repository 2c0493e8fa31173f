"""A copy of the project in an empty folder, as its own git and DVC repository, and what ran there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
# Small enough for a test, and the default for every later command in the copy: `conf/` says so itself.
SMOKE = "  - experiment: smoke"


class Project:
    def __init__(self, folder: Path, threads: int = 1):
        self.folder = folder
        bin_folder = str(Path(sys.executable).parent)
        self.environment = os.environ | {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": str(threads),
            "DVC_NO_ANALYTICS": "1",
            "GIT_AUTHOR_NAME": "test",
            "GIT_AUTHOR_EMAIL": "test@example.com",
            "GIT_COMMITTER_NAME": "test",
            "GIT_COMMITTER_EMAIL": "test@example.com",
        }

    @classmethod
    def fresh(cls, folder: Path) -> "Project":
        """The working tree's files, committed, with the smoke experiment as conf's default."""
        folder.mkdir(parents=True, exist_ok=True)
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
        for name in filter(None, names):
            made = name.startswith(("reports/", "dvc.lock")) and not name.startswith("reports/sweeps/")
            if (ROOT / name).is_file() and not made:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        project = cls(folder)
        project.edit("conf/config.yaml", "  - experiment: null", SMOKE)
        project.must("python", "-m", "pipeline.config", "compose")
        project.must("git", "init", "--quiet")
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

    def commit(self, message: str) -> None:
        self.must("git", "add", "--all")
        self.must("git", "commit", "--quiet", "--message", message)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text, f"{name} holds no {old!r}"
        (self.folder / name).write_text(text.replace(old, new, 1))

    def run(self, *command: str) -> subprocess.CompletedProcess:
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def must(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def dvc(self, *arguments: str) -> list[str]:
        """Run a dvc command that must succeed; the stages that ran, in order."""
        return ran(self.must("dvc", *arguments))

    def outputs(self) -> dict[str, str]:
        """Path -> hash of every output in dvc.lock."""
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text())
        return {out["path"]: out["md5"] for found in lock["stages"].values() for out in found.get("outs", [])}

    def json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text())


def ran(output: str) -> list[str]:
    return re.findall(r"^Running stage '(.+)':$", output, flags=re.MULTILINE)


def after(*methods: str) -> set[str]:
    """The stages that a new set of weights of these methods makes run."""
    return {f"{kind}@{method}" for kind in ("train", "generate", "score", "retain") for method in methods}
