"""States of git and DVC in which no experiment runs, each explained in one line."""

import json
import subprocess
from pathlib import Path


def explain_state(folder: Path) -> str | None:
    """What is wrong with the project's repository and how to mend it; None where nothing is."""
    if not _git(folder, "--git-dir"):
        return (
            f"{folder} is no git repository, as a download without git is not. Make it one: "
            "git init && git add --all && git commit --message start"
        )
    if not _git(folder, "--verify", "--quiet", "HEAD"):
        return "there is no commit yet, and experiments begin at one: git add --all && git commit --message start"
    lock = _git(folder, "--path-format=absolute", "--git-path", "index.lock")
    if lock and Path(lock).exists():
        return f"{lock}: git is running, or was killed. If no git or dvc runs, remove it: rm '{lock}'"
    rwlock = folder / ".dvc/tmp/rwlock"
    if rwlock.exists() and not _is_object(rwlock):
        return f"{rwlock} was cut when DVC was killed. If no dvc runs, remove it: rm '{rwlock}'"
    return None


def _git(folder: Path, *arguments: str) -> str:
    """What `git rev-parse` says; nothing where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(folder), "rev-parse", *arguments], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _is_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes() or b"{}"), dict)
    except ValueError:
        return False
