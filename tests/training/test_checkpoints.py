"""Checkpoints: whole or not there, without pickles, and enough to continue from to the same bytes."""

import json
import shutil

import pytest
import torch

from pipeline.training.checkpoints import Checkpoints
from tests import tiny


def trained(trainer):
    """Trained weights and losses at the end."""
    weights = {name: value.tolist() for name, value in trainer.model.network.named_parameters() if value.requires_grad}
    losses = [
        {key: entry[key] for key in ("step", "loss", "learning_rate", "validation_loss", "epoch") if key in entry}
        for entry in trainer.progress.history
    ]
    return weights, losses, trainer.progress.best_step


def test_a_checkpoint_that_a_kill_cut_short_is_never_taken(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path)
    trainer.train()
    whole = trainer.checkpoints.newest()
    torn = whole.with_name("step-99.partial")
    shutil.copytree(whole, torn)
    (torn / "progress.json").write_text("{")
    assert Checkpoints(whole.parent).newest() == whole
    assert not torn.exists()


def test_no_checkpoint_is_the_newest_of_an_empty_folder(tmp_path):
    assert Checkpoints(tmp_path / "nowhere").newest() is None


def test_a_checkpoint_holds_no_pickle(tmp_path, seq2seq_base):
    tiny.trainer(seq2seq_base, tmp_path).train()
    suffixes = {path.suffix for path in (tmp_path / "checkpoints").rglob("*") if path.is_file()}
    assert suffixes == {".safetensors", ".json"}


def test_only_the_newest_and_the_best_are_kept(tmp_path, seq2seq_base):
    settings = {"num_train_epochs": 4, "train": {"num_evaluations": 8}}
    trainer = tiny.trainer(seq2seq_base, tmp_path, learning_rate=3.0, lr_scheduler_type="constant", **settings)
    best = trainer.train().best_step
    assert best < 8, "the last was the best: this shows nothing"
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {f"step-{best}", "step-8"}


def test_removed_checkpoints_leave_nothing(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path)
    trainer.train()
    trainer.checkpoints.remove()
    assert not list(tmp_path.glob("checkpoints*"))


@pytest.mark.parametrize(
    ("method", "changes"),
    [
        pytest.param("full", {"optim": "adafactor"}, marks=pytest.mark.slow),
        ("lora", {"lora_dropout": 0.3}),  # so that the random state matters
        pytest.param("prompt_tuning", {}, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_training_resumes_to_the_same_weights_and_curves(tmp_path, seq2seq_base, method, changes):
    settings = {"num_train_epochs": 3, "train": {"num_evaluations": 3, "logging_steps": 1}, **changes}
    whole = tiny.trainer(seq2seq_base, tmp_path / "whole", method, **settings)
    whole.train()
    interrupted = tiny.trainer(seq2seq_base, tmp_path / "killed", method, **settings)
    tiny.interrupt_after(interrupted, 3)
    torch.manual_seed(99)
    resumed = tiny.trainer(seq2seq_base, tmp_path / "killed", method, **settings)
    assert resumed.checkpoints.newest().name == "step-2"
    resumed.train()
    assert trained(resumed) == trained(whole)
    curves = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole/curves").rglob("*.*")]
    assert curves
    for path in curves:
        assert (tmp_path / "killed" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes()


def test_speed_after_a_resume_counts_its_own_seconds_alone(tmp_path, seq2seq_base):
    settings = {"num_train_epochs": 3, "train": {"num_evaluations": 3, "logging_steps": 1}}
    first = tiny.trainer(seq2seq_base, tmp_path, **settings)
    with first.monitor.phase("train"):
        tiny.interrupt_after(first, 3)
    state = json.loads((first.checkpoints.newest() / "progress.json").read_text())["monitor"]
    state["usage"]["train"]["wall"] = 1000.0  # as of a long training
    progress = json.loads((first.checkpoints.newest() / "progress.json").read_text())
    (first.checkpoints.newest() / "progress.json").write_text(json.dumps(progress | {"monitor": state}))
    resumed = tiny.trainer(seq2seq_base, tmp_path, **settings)
    with resumed.monitor.phase("train"):
        resumed.train()
    assert resumed.monitor.seconds["train"] > 1000
    later = [entry["tokens_per_second"] for entry in resumed.progress.history[-4:] if "loss" in entry]
    assert min(later) > 10  # not divided by the 1,000 seconds before
