"""What docs/sharing.md says, with a directory and with an S3 server on this machine: who pulls has nothing to run."""

import time

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.project import Project

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def finished(small, tmp_path_factory) -> Project:
    """The smoke experiment with LoRA alone, run and committed; the shared one has other methods too."""
    project = Project.fresh(tmp_path_factory.mktemp("sharing") / "project", methods=["lora"], cache=small)
    project.dvc("repro")
    project.commit("the smoke experiment")
    return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    shared = finished.copy(tmp_path / "project")
    shared.must("git", "init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "origin.git"))
    shared.must("git", "remote", "add", "origin", str(tmp_path / "origin.git"))
    return shared


@pytest.fixture
def s3(monkeypatch):
    """The address of an S3 server with an empty bucket `team`."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="team")
    yield f"http://{host}:{port}"
    server.stop()


def push(project: Project) -> None:
    project.commit("a remote")
    project.must("dvc", "push", "--run-cache")
    project.must("git", "push", "--quiet", "origin", "HEAD")


def clone(project: Project, folder, keys: dict | None = None) -> Project:
    """A colleague's clone, with nothing of this machine's caches."""
    project.must("git", "clone", "--quiet", str(folder.parent / "origin.git"), str(folder))
    fresh = Project(folder)
    fresh.environment |= keys or {}
    assert not (folder / ".dvc/cache").exists() and not (folder / "models/tuned/lora-17").exists()
    return fresh


def has_nothing_to_run(colleague: Project, author: Project) -> None:
    colleague.must("dvc", "pull")
    start = time.monotonic()
    assert colleague.dvc("repro") == []
    print(f"dvc repro: {time.monotonic() - start:.1f} s")  # pytest -s
    assert colleague.must("git", "status", "--porcelain") == ""
    assert colleague.json("reports/comparison.json") == author.json("reports/comparison.json")
    for name in (
        "models/tuned/lora-17/adapter_model.safetensors",
        "reports/examples/lora.parquet",
        "reports/report.html",
    ):
        assert (colleague.folder / name).read_bytes() == (author.folder / name).read_bytes()


def test_a_directory_gives_a_fresh_clone_all_results(project, tmp_path):
    project.must("dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    push(project)
    has_nothing_to_run(clone(project, tmp_path / "clone"), project)


def test_an_s3_server_gives_a_fresh_clone_all_results_and_git_no_keys(project, tmp_path, s3):
    project.must("dvc", "remote", "add", "--default", "storage", "s3://team/tuning")
    project.must("dvc", "remote", "modify", "storage", "endpointurl", s3)
    project.must("dvc", "remote", "modify", "--local", "storage", "access_key_id", "local-key")
    project.must("dvc", "remote", "modify", "--local", "storage", "secret_access_key", "local-secret")
    push(project)
    assert "local-" not in project.must("git", "log", "--patch", "--", ".dvc")
    assert s3 in project.must("git", "show", "HEAD:.dvc/config")
    has_nothing_to_run(clone(project, tmp_path / "clone", KEYS), project)


def test_an_experiment_is_pulled_with_its_results_and_trained_again_by_nobody(project, tmp_path):
    project.must("dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    push(project)
    assert "train@lora-17" in project.dvc("exp", "run", "-S", "lora.r=4", "--name", "narrow")
    project.must("dvc", "exp", "push", "--run-cache", "origin", "narrow")

    colleague = clone(project, tmp_path / "clone")
    assert "narrow" in colleague.must("dvc", "exp", "list", "origin")
    colleague.must("dvc", "exp", "pull", "origin", "narrow")
    colleague.must("dvc", "exp", "apply", "narrow")
    assert colleague.dvc("repro") == []
    assert colleague.json("models/tuned/lora-17/adapter_config.json")["r"] == 4
    assert colleague.json("reports/comparison.json") == project.json("reports/comparison.json")

    another = clone(project, tmp_path / "another")  # without the experiment, asking for its value
    another.must("dvc", "pull")
    ran = another.dvc("exp", "run", "--pull", "-S", "lora.r=4")
    assert ran == ["config", "score@lora", "compare"]  # whose outputs are in git, where the run-cache does not look
    assert another.json("models/tuned/lora-17/adapter_config.json")["r"] == 4


def test_machines_share_a_list_of_experiments_and_their_results_meet(project, tmp_path):
    project.must("dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    push(project)
    ranks = "-S lora.r=2 validate\n-S lora.r=4 validate\n-S lora.r=-1 validate\n"
    (tmp_path / "ranks.txt").write_text(ranks)
    for part in (1, 2):
        machine = clone(project, tmp_path / f"machine{part}")
        command = f"python -m pipeline run_list {tmp_path}/ranks.txt --part {part} --parts 2".split()
        done = machine.run(*command)
        # The first part ends with a value that is refused.
        assert done.returncode == (1 if part == 1 else 0), done.stderr
        assert ("1 of 2 experiments failed (lines 3)" in done.stderr) == (part == 1)
        again = machine.run(*command)
        assert "origin has ranks-" in again.stdout and "train@lora" not in again.stdout

    project.must("dvc", "exp", "pull", "--rev", "HEAD", "origin")
    project.must("python", "-m", "pipeline", "sweep", "lora.r")
    assert [row["value"] for row in project.json("reports/sweeps/lora_r.json")["series"][0]["points"]] == [2, 4, 6]
