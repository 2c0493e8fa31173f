"""The command `dvc` of this project's environment."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.experiments.repository_state import explain_state

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path) -> Path:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a", "commit", "--quiet", "--allow-empty", "--message", "start")
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


def dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "dvc_command.py"), *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"DVC_NO_ANALYTICS": "1"}, capture_output=True, text=True
    )


def test_a_sound_repository_needs_no_word(repository):
    assert explain_state(repository) is None


def test_a_copy_without_git_says_how_to_make_it_a_repository(tmp_path):
    assert "is no git repository" in explain_state(tmp_path)
    assert "git init && git add --all && git commit" in explain_state(tmp_path)


def test_a_repository_without_a_commit_says_so(tmp_path):
    git(tmp_path, "init", "--quiet")
    assert explain_state(tmp_path).startswith("there is no commit yet")


def test_what_a_crash_left_is_named_with_the_command_that_removes_it(repository):
    (repository / ".git/index.lock").touch()
    assert explain_state(repository).endswith(f"remove it: rm '{repository}/.git/index.lock'")
    (repository / ".git/index.lock").unlink()
    (repository / ".dvc/tmp/rwlock").write_text('{"cut')
    assert explain_state(repository).endswith(f"remove it: rm '{repository}/.dvc/tmp/rwlock'")
    (repository / ".dvc/tmp/rwlock").write_text("{}")
    assert explain_state(repository) is None


def test_in_a_worktree_the_lock_is_where_git_has_it(repository):
    git(repository, "worktree", "add", "--quiet", str(repository / "other"), "-b", "other")
    (repository / ".git/worktrees/other/index.lock").touch()
    assert "worktrees/other/index.lock" in explain_state(repository / "other")


@pytest.mark.slow
def test_overrides_that_cannot_be_read_end_in_one_line_before_dvc_starts():
    done = dvc(ROOT, "exp", "run", "-S", "lora.r=(4,ä")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: lora.r=(4,ä: Hydra does not read 'ä' there.")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_outside_of_the_project_it_is_dvc(tmp_path):
    assert dvc(tmp_path, "--version").stdout.strip()
    assert "not inside of a DVC repository" in dvc(tmp_path, "repro").stderr


@pytest.mark.slow
def test_make_says_that_there_is_no_git_before_it_sets_up(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for target in ("setup", "repro", "test"):
        # MAKELEVEL, set where the tests themselves run in make, lets it announce folders
        done = subprocess.run(["env", "-u", "MAKELEVEL", "make", target], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode
        assert "git init && git add --all && git commit" in done.stderr
        assert done.stdout == ""
    assert os.listdir(tmp_path) == ["Makefile"]
