"""Experiments as DVC knows them: their parameters, whether they are finished, and the files they left."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import InputError
from pipeline.experiments.repository_state import explain_state

PARAMS = "params.yaml"


@dataclass(frozen=True)
class Experiment:
    """A finished experiment, or the commit it started from; params is its params.yaml."""

    name: str
    revision: str
    params: dict[str, Any]


@dataclass(frozen=True)
class ExperimentList:
    """What `dvc exp show` lists: the finished, and a sentence about each that is queued, failed or unreadable."""

    finished: list[Experiment]
    unfinished: list[str]


@contextmanager
def open_repository() -> Iterator[Any]:
    """The DVC repository of the working folder.

    Raises InputError outside of one, and where what is done with it fails for the state that git or DVC is in.
    """
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo
    from scmrepo.exceptions import SCMError

    try:
        with Repo() as repo:
            yield repo
    except NotDvcRepoError as error:
        raise InputError(f"{error}: run from the project's folder") from None
    except (DvcException, SCMError) as error:
        raise InputError(explain_state(Path.cwd()) or f"DVC: {' '.join(str(error).split())}") from None


def list_experiments(repo: Any, revision: str = "HEAD", commits: int = 1) -> ExperimentList:
    """The experiments of a commit, or of the last so many up to it, each commit itself first (`dvc exp show`)."""
    from dvc.exceptions import DvcException

    try:
        baselines = repo.experiments.show(revs=[revision], num=commits, hide_workspace=True)
    except DvcException as error:
        raise InputError(explain_state(Path.cwd()) or f"{revision}: {' '.join(str(error).split())}") from None
    experiments = ExperimentList([], [])
    for baseline in baselines:
        _add(experiments, baseline.name or baseline.rev[:7], "success", baseline)
        for entry in baseline.experiments or []:
            state = entry.executor.state if entry.executor else "success"
            tip = entry.revs[0]
            _add(experiments, entry.name or tip.name or tip.rev[:7], state, tip)
    return experiments


def _add(experiments: ExperimentList, name: str, state: str, revision: Any) -> None:
    """Sort an entry of `dvc exp show` into finished and unfinished."""
    if state != "success":
        logs = f" (dvc queue logs {name})" if state == "failed" else ""
        experiments.unfinished.append(f"{name} is {state}{logs}")
        return
    params = {} if revision.error else revision.data.params.get(PARAMS, {})
    if "data" in params:
        experiments.finished.append(Experiment(name, revision.rev, params["data"]))
    else:
        reason = revision.error.msg if revision.error else params.get("error", f"no {PARAMS}")
        experiments.unfinished.append(f"{name} can't be read: {reason}")


class RevisionFiles:
    """The files of a commit, an experiment or (revision None) the workspace, from git, DVC's cache or a remote.

    Paths are relative to the project's folder. Every method raises FileNotFoundError where a file is in none of them.
    """

    def __init__(self, repo: Any, revision: str | None) -> None:
        from dvc.api import DVCFileSystem

        self._files = DVCFileSystem(repo.root_dir, rev=revision)

    def content(self, path: str) -> bytes:
        try:
            with self._files.open(path, mode="rb") as file:
                return file.read()
        except Exception as error:  # a remote raises anything: not there, out of reach, no credentials
            raise FileNotFoundError(f"{path}: not in git, in DVC's cache or on a remote") from error

    def text(self, path: str) -> str:
        return self.content(path).decode("utf-8")

    def json(self, path: str) -> dict[str, Any]:
        return json.loads(self.content(path))

    def yaml(self, path: str) -> dict[str, Any]:
        return yaml.safe_load(self.content(path))

    def jsonl(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.content(path).splitlines()]

    def parquet(self, path: str) -> list[dict[str, Any]]:
        import pyarrow.parquet

        return pyarrow.parquet.read_table(io.BytesIO(self.content(path))).to_pylist()

    def output_hash(self, path: str) -> str | None:
        """The hash that dvc.lock has of the output `path`; None where no stage has written it."""
        outputs = (output for stage in self._files.repo.index.stages for output in stage.outs)
        return next((one.hash_info.value for one in outputs if one.def_path == path and one.hash_info), None)

    def dependency_hashes(self, path: str) -> dict[str, str]:
        """Stage (`score@lora`) -> the hash that dvc.lock has of its dependency `path`."""
        return {
            stage.name: dependency.hash_info.value
            for stage in self._files.repo.index.stages
            for dependency in stage.deps
            if dependency.def_path == path and dependency.hash_info
        }
