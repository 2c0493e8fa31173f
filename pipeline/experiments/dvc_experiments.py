"""Experiments as DVC knows them: their parameters, whether they are done, and the files they left."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.core.errors import InputError


@dataclass(frozen=True)
class Experiment:
    """A finished experiment, or the commit it started from; params is its params.yaml."""

    name: str
    revision: str
    params: dict


@dataclass(frozen=True)
class Found:
    """What `dvc exp show` lists: what is done, and a sentence about each that is not (queued, failed, unreadable)."""

    done: list[Experiment]
    unfinished: list[str]


@contextmanager
def repository() -> Iterator:
    """The DVC repository of the working folder, open; Refused outside of one."""
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        repo = Repo()
    except NotDvcRepoError as error:
        raise InputError(f"{error}: run from the project's folder") from None
    with repo:
        yield repo


def collect(repo, revision: str = "HEAD", commits: int = 1) -> Found:
    """The experiments of a commit, or of the last so many up to it, each commit itself first (`dvc exp show`)."""
    from dvc.exceptions import DvcException

    try:
        baselines = repo.experiments.show(revs=[revision], num=commits, hide_workspace=True)
    except DvcException as error:
        raise InputError(f"{revision}: {error}") from None
    done, unfinished = [], []
    for baseline in baselines:
        states = [(baseline.name or baseline.rev[:7], "success", baseline)]
        for family in baseline.experiments or []:
            state = family.executor.state if family.executor else "success"
            states.append((family.name or family.revs[0].name or family.revs[0].rev[:7], state, family.revs[0]))
        for name, state, one in states:
            if state != "success":
                unfinished.append(f"{name} is {state}{' (dvc queue logs ' + name + ')' if state == 'failed' else ''}")
            elif one.error or "data" not in one.data.params.get("params.yaml", {}):
                why = (
                    one.error.msg
                    if one.error
                    else one.data.params.get("params.yaml", {}).get("error", "no params.yaml")
                )
                unfinished.append(f"{name} can't be read: {why}")
            else:
                done.append(Experiment(name, one.rev, one.data.params["params.yaml"]["data"]))
    return Found(done, unfinished)


class Files:
    """The files of an experiment, from git or DVC's cache; FileNotFoundError where they are in neither."""

    def __init__(self, repo, revision: str):
        from dvc.api import DVCFileSystem

        self._files = DVCFileSystem(repo.root_dir, rev=revision)

    def json(self, path: str) -> dict:
        with self._open(path) as content:
            return json.load(content)

    def table(self, path: str) -> list[dict]:
        """The rows of a Parquet file."""
        import pyarrow.parquet

        with self._open(path) as content:
            return pyarrow.parquet.read_table(content).to_pylist()

    def _open(self, path: str):
        try:
            return self._files.open(path, mode="rb")
        except Exception as error:  # a remote raises what it likes: gone, out of reach, no credentials
            raise FileNotFoundError(
                f"{path}: neither in git nor in DVC's cache, nor to be had from a remote"
            ) from error
