"""An experiment of the queue runs in a copy of what git tracks: what that lacks is said when it is queued."""

import subprocess
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.experiments import configuration, override_validation
from pipeline.experiments.queued_paths import check_present, check_queued


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("/ignored.jsonl\n/tracked_by_dvc.jsonl\n")
    names = ("mine.jsonl", "tracked.jsonl", "ignored.jsonl", "tracked_by_dvc.jsonl", "two words & more.jsonl")
    for path in (*(folder / name for name in names), tmp_path / "outside.jsonl"):
        path.write_text("{}\n")
    (folder / "tracked_by_dvc.jsonl.dvc").write_text("outs: []\n")
    (folder / "model").mkdir()
    (folder / "model/config.json").write_text("{}")
    (folder / "model/model.safetensors").touch()
    (folder / "link.jsonl").symlink_to("../outside.jsonl")
    git(folder, "add", "tracked.jsonl", "tracked_by_dvc.jsonl.dvc", "model/config.json", "link.jsonl", ".gitignore")
    return folder


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)


def local(path: object) -> dict:
    return configuration.compose(["data=local", f"data.train='{path}'"])


@pytest.mark.parametrize("name", ["tracked.jsonl", "tracked_by_dvc.jsonl", "data/support_calls/train.jsonl"])
def test_what_git_or_dvc_tracks_and_outputs_can_be_queued(project, name):
    check_queued(local(name) | {"model": {"path": "data/raw"}}, project)


def test_a_whole_path_can_be_queued(project):
    values = local(project.parent / "outside.jsonl") | {"model": {"path": "/"}}
    check_queued(values, project)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("mine.jsonl", "dvc add mine.jsonl && git add mine.jsonl.dvc"),
        ("ignored.jsonl", "dvc add ignored.jsonl && git add ignored.jsonl.dvc"),
        ("two words & more.jsonl", "dvc add 'two words & more.jsonl' && git add 'two words & more.jsonl.dvc'"),
    ],
)
def test_what_git_does_not_track_is_refused_with_the_command_that_mends_it(project, name, command):
    with pytest.raises(InputError) as refusal:
        check_queued(local(name), project)
    assert str(refusal.value).startswith(f"data.train: git does not track {name!r}")
    assert str(refusal.value).endswith(command)


def test_a_model_of_which_git_tracks_a_part_is_refused(project):
    values = configuration.compose(["model=local", "model.architecture=causal", "model.path=model"])
    with pytest.raises(
        InputError, match=r"^model\.path: git does not track 'model'.*dvc add model && git add model\.dvc"
    ):
        check_queued(values, project)


@pytest.mark.parametrize("path", ["../outside.jsonl", "link.jsonl"])
def test_a_relative_path_out_of_the_project_is_refused(project, path):
    with pytest.raises(InputError, match=rf"leads out of the project.* {project.parent}/outside\.jsonl$"):
        check_queued(local(path), project)


def test_a_file_that_is_not_there_is_refused_before_anything_runs(project):
    check_present(local("mine.jsonl") | {"model": {"path": "model"}}, project)
    (project / "tracked_by_dvc.jsonl").unlink()  # `dvc pull` can fetch it
    check_present(local("tracked_by_dvc.jsonl") | {"model": {"path": "model"}}, project)
    with pytest.raises(
        InputError, match=rf"^data\.train: 'no\.csv': no such file or folder in {project}, where relative"
    ):
        check_present(local("no.csv"), project)


def test_the_queue_is_known_from_dvcs_own_call():
    class LocalCeleryQueue:
        def _stash_exp(self) -> bool:
            return override_validation.runs_in_a_copy()

    class WorkspaceQueue(LocalCeleryQueue):
        pass

    assert LocalCeleryQueue()._stash_exp()
    assert not WorkspaceQueue()._stash_exp()
    assert not override_validation.runs_in_a_copy()


def test_dvc_still_has_the_names_by_which_the_queue_is_known():
    from dvc.repo.experiments.queue.base import BaseStashQueue
    from dvc.repo.experiments.queue.celery import LocalCeleryQueue
    from dvc.repo.experiments.queue.tempdir import TempDirQueue
    from dvc.repo.experiments.queue.workspace import WorkspaceQueue

    assert hasattr(BaseStashQueue, "_stash_exp")
    assert all(issubclass(each, BaseStashQueue) for each in (LocalCeleryQueue, TempDirQueue, WorkspaceQueue))
