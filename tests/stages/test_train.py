"""The stage `train`: what it leaves, when it refuses, and that a killed run ends with the same bytes."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from pipeline import train
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.imports import closure
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.core.runs import run_name
from pipeline.core.token_files import TokenFile, write_tokens
from pipeline.methods import depends_on_seed, lora
from pipeline.parameters.model import Model
from pipeline.parameters.train import Train
from tests import tiny
from tests.project import ROOT, Project

# 80 optimizer steps and 20 checkpoints: long enough to be killed in.
TRAIN = {"batch_size": 2, "num_evaluations": 20, "logging_steps": 3, "precision": "fp32"}
EPOCHS = {"num_train_epochs": 4}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory, seq2seq_base) -> Path:
    """A folder in which the stage can run: params.yaml, the base, prompts and tokens."""
    folder = tmp_path_factory.mktemp("prepared")
    paths = Paths(folder)
    shutil.copytree(seq2seq_base, paths.base_model)
    rows = tiny.examples(tiny.load(seq2seq_base, "seq2seq"), tuple(text[:60] for text in tiny.texts()[:40]))
    for split, examples in (("train", rows), ("validation", rows[:4])):
        write_tokens(paths.tokens(split), examples)
        files.write_jsonl(paths.prompts(split), [prompt(number) for number in range(len(examples))])
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["train"] |= TRAIN
    for method in ("full", "lora", "prompt_tuning"):
        values[method] |= EPOCHS
    write_params(folder, values)
    return folder


def prompt(number: int) -> dict:
    texts = {key: f"{key} {number}" for key in ("id", "instruction", "prompt", "completion", "source")}
    return texts | {"references": ["A reference."]}


def write_params(folder: Path, values: dict) -> None:
    (folder / "params.yaml").write_text(json.dumps(values))  # JSON is YAML, and keeps 3e-3 a number


def change(folder: Path, method: str, **values) -> None:
    params = json.loads((folder / "params.yaml").read_text())
    params[method] |= values
    write_params(folder, params)


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch) -> Path:
    """A copy of it, and the current directory."""
    copy = Path(shutil.copytree(prepared, tmp_path / "folder"))
    monkeypatch.chdir(copy)
    return copy


def run(method: str, **changes) -> dict:
    """Run the stage in this process, with params.yaml of the current folder; returns its record."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state()
    settings = dataclasses.replace(read_section("train", Train), **changes)
    train.run(named(method), Paths(), model=read_section("model", Model), train=settings)
    return files.read_json(Paths().training_run(named(method)))


def named(method: str) -> str:
    """The run of a method that these tests train."""
    return run_name(method, 1 if depends_on_seed(method) else None)


def test_a_training_leaves_a_model_curves_and_a_record_and_no_checkpoint(folder):
    change(folder, "lora", num_train_epochs=1)
    record = run("lora", num_evaluations=2)
    paths = Paths()
    assert sorted(path.name for path in paths.tuned_model("lora-1").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert (paths.curves("lora-1") / "metrics.json").exists() and (
        paths.training_speed("lora-1") / "metrics.json"
    ).exists()
    assert not list(paths.checkpoints.iterdir())
    assert record["steps"] == 20 and record["best_step"] in (10, 20)
    assert 0 < record["trainable_parameters"] < record["total_parameters"]
    tokens = sum(len(row["input_ids"]) + len(row["labels"]) for row in TokenFile(paths.tokens("train")))
    assert record["non_padding_tokens"] == tokens
    assert record["bytes"] == sum(path.stat().st_size for path in paths.tuned_model("lora-1").iterdir())
    assert record["needs_base"] and record["base_bytes"] > record["bytes"] / 10
    assert {"load", "train", "validation", "checkpoint"} <= set(record["seconds"])
    assert record["resumed_from"] is None


def test_tries_of_a_learning_rate_share_their_setting_and_nothing_else_does(folder):
    """Another seed, learning rate or machine is another try of the same search; another rank or text is not."""
    model, settings, params = (
        read_section("model", Model),
        read_section("train", Train),
        read_section("lora", lora.Params),
    )

    def found(params: lora.Params) -> str:
        return train.setting_hash("lora", params, train.training_data(Paths()), model, settings)

    first = found(params)
    assert found(dataclasses.replace(params, learning_rate=0.5)) == first
    assert found(dataclasses.replace(params, r=3)) != first
    rows = TokenFile(Paths().tokens("validation"))
    write_tokens(Paths().tokens("validation"), rows[1:])
    assert found(params) != first


@pytest.mark.slow
def test_full_fine_tuning_needs_no_base(folder):
    change(folder, "full", num_train_epochs=1)
    assert not run("full", num_evaluations=1)["needs_base"]


def test_a_damaged_checkpoint_says_what_to_delete(tmp_path):
    import torch

    from pipeline.training.checkpoints import restore_training

    path = tmp_path / "lora-0/step-1"
    path.mkdir(parents=True)
    (path / "progress.json").write_text("{")
    with pytest.raises(InputError, match=r"step-1: a checkpoint that cannot be read .*; delete .*lora-0 to train from"):
        restore_training(path, torch.nn.Module(), None)


def test_methods_that_train_nothing_leave_their_examples_and_empty_curves(folder):
    for method, examples in (("zero_shot", 0), ("few_shot", 2)):
        record = run(method)
        assert (record["trainable_parameters"], record["needs_base"]) == (0, True)
        assert (
            len(files.read_jsonl(Paths().tuned_model(named(method)) / "demonstrations.jsonl", may_be_empty=True))
            == examples
        )
        assert files.read_json(Paths().curves(named(method)) / "metrics.json") == {}


def test_a_method_that_adapts_nothing_is_refused_in_one_line_and_leaves_nothing(folder):
    before = {path for path in folder.rglob("*")}
    module = SimpleNamespace(adapt=lambda model, params, seed: model.network)
    with pytest.raises(InputError, match=r"^bitfit: this model has no parameter that the method trains$"):
        train.fit(
            "bitfit-1",
            module,
            tiny.method_params("full"),
            Paths(),
            model=tiny.model_params("seq2seq"),
            train=tiny.train_params(),
        )
    assert {path for path in folder.rglob("*")} == before


DIVERGING = {"learning_rate": 100.0, "weight_decay": 10.0}  # weights grow a thousandfold with each step


def test_a_training_that_diverges_leaves_no_model(folder):
    change(folder, "full", **DIVERGING)
    with pytest.raises(InputError, match=r"^the (validation )?loss became (nan|inf) at step"):
        run("full")
    assert not list(Path("models/tuned").glob("full-1/*"))
    assert not Paths().training_run("full-1").exists()


def test_fp16_without_a_gpu_is_refused(folder):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match=r"train\.precision: 'fp16' needs a CUDA device"):
        run("lora", precision="fp16")


# The checkpoint's key


def key(
    folder: Path, method: str = "lora", precision: str = "fp32", seed: int = 1, train_changes=None, **changes
) -> str:
    return train.checkpoint_key(
        method,
        tiny.method_params(method, **changes),
        train.training_data(Paths(folder)),
        precision,
        seed,
        tiny.model_params("seq2seq"),
        tiny.train_params(**train_changes or {}),
    )


def test_a_checkpoints_key_follows_everything_the_weights_depend_on(folder):
    keys = [
        key(folder),
        key(folder, r=4),
        key(folder, learning_rate=1e-4),
        key(folder, train_changes={"batch_size": 3}),
        key(folder, seed=2),
        key(folder, precision="bf16"),
        key(folder, method="full"),
    ]
    assert key(folder) == keys[0]
    for path in (
        Paths(folder).tokens("train"),
        Paths(folder).tokens("validation"),
        *Paths(folder).base_model.iterdir(),
    ):
        path.write_bytes(path.read_bytes() + b" ")
        keys.append(key(folder))
    assert len(set(keys)) == len(keys)


def test_a_checkpoints_key_follows_every_file_of_code_that_training_imports(folder, tmp_path, monkeypatch):
    code = closure("pipeline.train", {"pipeline.methods": "lora", "pipeline.models.architectures": "seq2seq"})
    expected = {"pipeline/train.py", "pipeline/methods/lora.py", "pipeline/models/architectures/seq2seq.py"}
    assert expected | {"pipeline/training/loop.py", "pipeline/training/checkpoints.py"} <= set(map(str, code))
    for path in code:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    before = key(folder)
    monkeypatch.setattr(train, "ROOT", tmp_path)
    assert key(folder) == before
    keys = {before}
    for path in code:
        text = (tmp_path / path).read_bytes()
        (tmp_path / path).write_bytes(text + b"#")
        keys.add(key(folder))
        (tmp_path / path).write_bytes(text)
    assert len(keys) == 1 + len(code)


def test_a_checkpoints_key_does_not_follow_other_methods_and_architectures():
    code = set(
        map(str, closure("pipeline.train", {"pipeline.methods": "lora", "pipeline.models.architectures": "causal"}))
    )
    assert not code & {"pipeline/methods/adalora.py", "pipeline/models/architectures/seq2seq.py", "pipeline/score.py"}


# Kills


def start(method: str) -> subprocess.Popen:
    """The stage as DVC would start it, in the current folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline.train", named(method)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_after_checkpoints(process: subprocess.Popen, folder: Path, method: str, count: int) -> None:
    """SIGKILL a training and its children once `count` checkpoints were seen."""
    seen: set[str] = set()
    while len(seen) < count:
        assert process.poll() is None, "the training ended before it could be killed"
        seen |= {path.name for path in folder.glob(f"models/checkpoints/{method}-*/step-*[0-9]")}
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def trained_bytes(folder: Path, method: str) -> dict[str, bytes]:
    """All that a training leaves but its run record and its speed."""
    roots = [folder / "models/tuned" / named(method), folder / "reports/curves" / named(method)]
    paths = [path for root in roots for path in sorted(root.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize(("method", "kills"), [("full", 1), ("lora", 2), ("prompt_tuning", 1)])
def test_a_killed_training_resumes_to_the_same_bytes(prepared, tmp_path, folder, monkeypatch, capsys, method, kills):
    whole = Path(shutil.copytree(prepared, tmp_path / "whole"))
    for number in range(kills):
        kill_after_checkpoints(start(method), folder, method, 3 + number)
    run(method)
    assert f"{named(method)}: continuing from" in capsys.readouterr().out
    assert files.read_json(Paths().training_run(named(method)))["resumed_from"].startswith("step-")
    assert not list(Paths().checkpoints.iterdir())

    monkeypatch.chdir(whole)
    run(method)
    assert "continuing from" not in capsys.readouterr().out
    expected = trained_bytes(whole, method)
    assert {Path(name).suffix for name in expected} >= {".safetensors", ".tsv"}
    assert trained_bytes(folder, method) == expected


@pytest.mark.slow
def test_a_changed_parameter_never_continues_from_anothers_checkpoint(folder, capsys):
    kill_after_checkpoints(start("lora"), folder, "lora", 1)
    change(folder, "lora", r=4)
    assert run("lora")["resumed_from"] is None
    change(folder, "lora", r=tiny.method_params("lora").r)
    assert run("lora")["resumed_from"].startswith("step-")


@pytest.mark.slow
def test_a_training_that_diverges_exits_1_with_one_line(folder):
    change(folder, "full", **DIVERGING)
    process = start("full")
    _, errors = process.communicate()
    assert process.returncode == 1
    (line,) = [line for line in errors.splitlines() if "error:" in line]
    assert re.match(r"python -m pipeline\.train: error: the (validation )?loss became (nan|inf) at step", line)
    assert "Traceback" not in errors


@pytest.mark.slow
def test_a_training_killed_under_dvc_resumes_although_dvc_deletes_its_outputs(small, tmp_path):
    shutil.copytree(small.folder, tmp_path / "project", symlinks=True)
    project = Project(tmp_path / "project", forked=False)  # a forked stage would outlive a killed DVC
    project.edit("conf/experiment/smoke.yaml", "lora:\n  num_train_epochs: 2", "lora:\n  num_train_epochs: 20")
    project.edit("conf/config.yaml", "num_evaluations: 3", "num_evaluations: 20")
    project.compose()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    command = ["dvc", "repro", "train@lora-17"]
    process = subprocess.Popen(command, cwd=project.folder, env=project.environment, **quiet)
    seen: set[str] = set()
    while len(seen) < 3:
        assert process.poll() is None, "the training ended before it could be killed"
        seen |= {path.name for path in project.folder.glob("models/checkpoints/lora-*/step-*[0-9]")}
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "lora-17: continuing from" in project.must("dvc", "repro", "train@lora-17")
    resumed = project.outputs()
    assert "continuing from" not in project.must("dvc", "repro", "--force", "--single-item", "train@lora-17")
    for path in ("models/tuned/lora-17", "reports/curves/lora-17"):
        assert project.outputs()[path] == resumed[path]
