"""Stages in two processes through their commands: the same bytes as one process, and a kill costs nothing."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import yaml

from pipeline.core import files
from tests.project import Project

pytestmark = pytest.mark.slow

TWO = {"LAUNCHER": "torchrun --nproc-per-node 2"}
# More batches than processes, and a last turn with one batch too few.
BATCHES = {"generate:\n  batch_size: 32": "generate:\n  batch_size: 3", "per_task: null": "per_task: 1"}
BATCHES |= {"  batch_size: 64\n  max_new_tokens: 32": "  batch_size: 3\n  max_new_tokens: 32"}
WRITTEN = ("reports/predictions/lora/lora-17.jsonl", "reports/validation/lora-17.parquet")
WRITTEN += ("reports/answers/lora-17.jsonl", "reports/forgetting/lora-17.json")
EVEN = {"stock": None, "hub": None, "data": "even.jsonl", "where": {}}
EVEN |= {"settings": {"output_type": "multiple_choice", "metric_list": [{"metric": "acc"}]}}
EVEN["settings"] |= {"doc_to_text": "question", "doc_to_choice": ["yes", "no"], "doc_to_target": "answer"}


def test_two_processes_write_the_bytes_of_one(small, tmp_path):
    project = small.copy(tmp_path / "project")
    for old, new in BATCHES.items():
        project.edit("conf/config.yaml", old, new)
    project.compose()
    written = {}
    for environment in ({}, TWO):
        project.environment |= environment
        for name in WRITTEN:
            (project.folder / name).unlink()
        for stage in ("generate", "validate", "forgetting"):
            project.must("python", "-m", f"pipeline.{stage}", "lora-17")
        written[len(environment)] = {name: (project.folder / name).read_bytes() for name in WRITTEN}
    assert written[0] == written[1]
    for stage in ("generate", "forgetting"):
        assert project.json(f"reports/runs/{stage}/lora-17.json")["processes"] == 2


def test_two_processes_score_a_benchmark_as_one(small, tmp_path):
    pytest.importorskip("lm_eval", reason="lm-eval is an extra: pip install --editable '.[benchmark]'")
    project = small.copy(tmp_path / "project")
    rows = [{"question": f"Is {number} even?", "answer": number % 2} for number in range(10)]
    files.write_jsonl(project.folder / "even.jsonl", rows)
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    params["benchmark"] |= {"name": "even", "batch_size": 3, "tasks": {"even": EVEN}}
    (project.folder / "params.yaml").write_text(json.dumps(params))
    project.must("python", "-m", "pipeline.benchmark_data", "even")
    written = []
    for environment in ({}, TWO):
        project.environment |= environment
        project.must("python", "-m", "pipeline.benchmark", "lora-17")
        written.append((project.folder / "reports/runs/benchmark/lora-17.parquet").read_bytes())
    assert written[0] == written[1]
    assert project.json("reports/runs/benchmark/lora-17.json")["processes"] == 2


@pytest.fixture
def training(small, tmp_path) -> Project:
    """A project whose LoRA trains long enough to be killed, with random numbers of its own in each process."""
    project = small.copy(tmp_path / "project")
    project.edit("conf/experiment/smoke.yaml", "lora:\n  num_train_epochs: 2", "lora:\n  num_train_epochs: 8")
    project.edit("conf/config.yaml", "num_evaluations: 3", "num_evaluations: 12")
    project.edit("conf/config.yaml", "lora_dropout: 0.0", "lora_dropout: 0.2")
    project.compose()
    project.environment |= TWO
    return project


def test_a_killed_process_ends_the_others_and_the_next_run_ends_with_the_same_bytes(training, tmp_path):
    command = ["python", "-m", "pipeline.train", "lora-17"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=training.folder, env=real_python(training), text=True, **streams)
    checkpoints: set[str] = set()
    while len(checkpoints) < 3:
        assert process.poll() is None, process.communicate()[1]
        checkpoints |= {path.name for path in training.folder.glob("models/checkpoints/lora-*/step-*[0-9]")}
        time.sleep(0.01)
    started = psutil.Process(process.pid).children(recursive=True)
    second = next(one for one in started if one.environ().get("RANK") == "1")
    os.kill(second.pid, signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    (line,) = errors.splitlines()
    assert process.returncode == 1
    assert line.startswith("python -m pipeline.train: error: one of the processes was ended by signal 9 (SIGKILL)")
    assert not [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    assert "lora-17: continuing from" in training.must(*command)
    record = training.json("reports/runs/train/lora-17.json")
    assert record["processes"] == 2 and record["resumed_from"].startswith("step-")
    resumed = trained_bytes(training.folder)
    assert "continuing from" not in training.must(*command)
    assert trained_bytes(training.folder) == resumed
    assert not list((training.folder / "models/checkpoints").iterdir())


def real_python(project: Project) -> dict[str, str]:
    """The environment without the tests' own `python`, whose stages are not children of what is started."""
    first, _, others = project.environment["PATH"].partition(os.pathsep)
    assert first.endswith("bin") and (Path(first) / "dvc").is_symlink()
    return project.environment | {"PATH": others}


def trained_bytes(folder: Path) -> dict[str, bytes]:
    """All that a training leaves but its run record and its speed."""
    roots = [folder / "models/tuned/lora-17", folder / "reports/curves/lora-17"]
    paths = [path for root in roots for path in sorted(root.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_full_fine_tuning_by_fsdp_leaves_one_plain_folder_that_the_next_stage_reads(training):
    training.environment |= {"ACCELERATE_USE_FSDP": "true"}
    training.must("python", "-m", "pipeline.train", "full-17")
    record = training.json("reports/runs/train/full-17.json")
    assert (record["processes"], record["sharding"], record["needs_base"]) == (2, "fsdp", False)
    config = training.json("models/tuned/full-17/config.json")
    assert config["architectures"] == ["T5ForConditionalGeneration"]
    del training.environment["LAUNCHER"]
    assert "outputs in" in training.must("python", "-m", "pipeline.generate", "full-17")
