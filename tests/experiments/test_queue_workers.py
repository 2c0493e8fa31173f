"""Cores and GPUs of the workers of DVC's queue."""

import pytest

from pipeline.experiments import queue_workers
from pipeline.experiments.queue_workers import share_machine


@pytest.fixture
def machine(monkeypatch):
    """One with 8 cores and 4 GPUs."""
    monkeypatch.setattr(queue_workers, "available_cores", lambda: 8)
    monkeypatch.setattr(queue_workers, "installed_gpus", lambda: ["0", "1", "2", "3"])


@pytest.mark.parametrize("options", [["--jobs", "3"], ["-j", "3"], ["--jobs=3"], ["-j3"], ["-v", "--jobs", "3"]])
def test_workers_share_the_cores(machine, options):
    environment: dict[str, str] = {}
    assert (
        share_machine(["queue", "start", *options], environment) == "3 workers on 8 cores: OMP_NUM_THREADS=2 for each"
    )
    assert environment == {"OMP_NUM_THREADS": "2"}


def test_more_workers_than_cores_have_a_thread_each(machine):
    environment: dict[str, str] = {}
    share_machine(["queue", "start", "--jobs", "20"], environment)
    assert environment == {"OMP_NUM_THREADS": "1"}


@pytest.mark.parametrize(
    "arguments", [["queue", "start"], ["queue", "start", "--jobs", "1"], ["repro"], ["queue", "status"]]
)
def test_a_single_worker_has_the_whole_machine(machine, arguments):
    environment: dict[str, str] = {}
    assert share_machine(arguments, environment) is None and environment == {}


def test_threads_that_the_user_has_set_stay(machine):
    environment = {"OMP_NUM_THREADS": "7"}
    assert share_machine(["queue", "start", "--jobs", "2"], environment) is None
    assert environment == {"OMP_NUM_THREADS": "7"}


def worker_gpu(number: int, environment: dict[str, str]) -> str | None:
    share_machine(["exp", "queue-worker", f"dvc-exp-5837ed-{number}@localhost", "--clean"], environment)
    return environment.get("CUDA_VISIBLE_DEVICES")


def test_each_worker_has_a_gpu_of_its_own(machine):
    assert [worker_gpu(number, {}) for number in range(1, 6)] == ["0", "1", "2", "3", "0"]


def test_workers_share_the_gpus_that_the_user_names(machine):
    assert [worker_gpu(number, {"CUDA_VISIBLE_DEVICES": "2, 3"}) for number in (1, 2, 3)] == ["2", "3", "2"]
    assert worker_gpu(2, {"CUDA_VISIBLE_DEVICES": "1"}) == "1"
    assert worker_gpu(2, {"CUDA_VISIBLE_DEVICES": ""}) == ""


def test_without_a_gpu_nothing_is_set(machine, monkeypatch):
    monkeypatch.setattr(queue_workers, "installed_gpus", lambda: [])
    assert worker_gpu(1, {}) is None


def test_gpus_are_those_that_nvidias_program_lists(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert queue_workers.installed_gpus() == []
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0; echo 1\n")
    program.chmod(0o755)
    assert queue_workers.installed_gpus() == ["0", "1"]


def test_dvc_still_starts_its_workers_by_this_command():
    """The number in a worker's name is what its GPU is chosen by."""
    import inspect

    from dvc.repo.experiments.queue.celery import LocalCeleryQueue

    assert '["exp", "queue-worker", node_name]' in inspect.getsource(LocalCeleryQueue._spawn_worker)
    assert 'f"dvc-exp-{wdir_hash}-{num}@localhost"' in inspect.getsource(LocalCeleryQueue)
