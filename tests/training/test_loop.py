"""The training loop on a tiny model; against transformers' Trainer, step by step."""

import time

import pytest
import torch
from transformers import Trainer, TrainingArguments

from pipeline.core.errors import InputError
from pipeline.training.batches import length_grouped_batches
from tests import tiny


def flat_weights(network):
    return torch.cat([value.detach().flatten() for value in network.parameters()])


def validation_losses(trainer):
    return {entry["step"]: entry["validation_loss"] for entry in trainer.progress.history if "validation_loss" in entry}


@pytest.mark.parametrize(
    ("method", "architecture", "changes"),
    [
        ("full", "seq2seq", {"weight_decay": 0.1, "lr_scheduler_type": "cosine"}),
        pytest.param("full", "causal", {"optim": "adafactor", "weight_decay": 0.1}, marks=pytest.mark.slow),
        pytest.param("lora", "seq2seq", {"weight_decay": 0.1}, marks=pytest.mark.slow),
        pytest.param("prompt_tuning", "seq2seq", {}, marks=pytest.mark.slow),
        ("prompt_tuning", "causal", {}),
    ],
)
def test_it_trains_as_transformers_trainer_does(tmp_path, request, method, architecture, changes):
    """The same losses and the same weights, to the last bit, after the same batches."""
    base = request.getfixturevalue(f"{architecture}_base")
    settings = {"num_train_epochs": 2, "warmup_steps": 0.2, **changes}
    ours = tiny.trainer(base, tmp_path, method, architecture=architecture, train={"num_evaluations": 1}, **settings)
    theirs = reference(ours, base, tmp_path / "theirs", method, architecture, settings)
    ours.train()
    theirs.train()
    assert theirs.state.global_step == ours.progress.step == 4
    assert theirs.losses == [entry["loss"] for entry in ours.progress.history if "loss" in entry]
    assert flat_weights(theirs.model).equal(flat_weights(ours.model.network))
    assert not flat_weights(theirs.model).equal(theirs.before)


def reference(ours, base, folder, method, architecture, settings):
    """transformers' Trainer with the same settings, on the same batches in the same order."""
    torch.manual_seed(1)
    model, params = tiny.adapt(tiny.load(base, architecture), method, **settings), ours.params
    lengths = [len(example["input_ids"]) for example in ours.examples]
    numbers = [length_grouped_batches(lengths, 2, ours.seed, epoch) for epoch in range(params.num_train_epochs)]
    examples = [ours.examples[number] for epoch in numbers for batch in epoch for number in batch]

    class Reference(Trainer):
        def _get_train_sampler(self, *arguments):
            return torch.utils.data.SequentialSampler(examples)

        def compute_loss(self, network, inputs, **rest):
            total, labels = model.loss(inputs)
            self.losses.append((total / labels).item())
            return total / labels

    arguments = TrainingArguments(
        str(folder),
        per_device_train_batch_size=2,
        num_train_epochs=1,  # the examples of all epochs
        learning_rate=params.learning_rate,
        optim=params.optim,
        lr_scheduler_type=params.lr_scheduler_type,
        warmup_steps=params.warmup_steps,
        weight_decay=params.weight_decay,
        max_grad_norm=ours.settings.max_grad_norm,
        seed=ours.seed,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    trainer = Reference(model.network, arguments, model.collate, examples)
    trainer.losses, trainer.before = [], flat_weights(model.network).clone()
    return trainer


def test_accumulated_batches_train_like_one_batch(tmp_path, seq2seq_base):
    weights = []
    for size, accumulated in ((4, 1), (2, 2), (1, 4)):
        settings = {"batch_size": size, "gradient_accumulation_steps": accumulated}
        trainer = tiny.trainer(seq2seq_base, tmp_path / str(size), train=settings)
        assert trainer.train().step == 2
        weights.append(flat_weights(trainer.model.network))
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(weights[2], weights[0], rtol=0, atol=1e-4)


def test_bf16_trains_fp32_masters(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path, precision="bf16", learning_rate=0.01)
    trainer.train()
    first, *_, last = validation_losses(trainer).values()
    assert last < first
    assert {value.dtype for value in trainer.model.network.parameters()} == {torch.float32}
    assert trainer.accelerator.mixed_precision == "bf16"


def test_the_best_checkpoint_is_kept_not_the_last(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path, learning_rate=3.0, lr_scheduler_type="constant", num_train_epochs=4)
    progress, losses = trainer.train(), validation_losses(trainer)
    best = min(losses, key=losses.get)
    assert best < max(losses), "the last was the best: this shows nothing"
    assert (progress.best_step, progress.best_loss) == (best, losses[best])
    assert trainer.evaluate() == pytest.approx(losses[best], rel=1e-4)
    assert 0 <= progress.seconds_to_best <= trainer.monitor.elapsed("train")


@pytest.mark.parametrize(("evaluations", "steps"), [(1, [4]), (3, [2, 4]), (4, [1, 2, 3, 4]), (9, [1, 2, 3, 4])])
def test_validations_are_spread_evenly_and_the_last_is_at_the_end(tmp_path, seq2seq_base, evaluations, steps):
    trainer = tiny.trainer(seq2seq_base, tmp_path, train={"num_evaluations": evaluations, "logging_steps": 3})
    trainer.train()
    assert list(validation_losses(trainer)) == steps
    logged = [entry["step"] for entry in trainer.progress.history if "loss" in entry]
    assert set(logged) == {*steps, 3}  # each validation comes with an entry of the training


def test_a_validation_loss_is_the_mean_over_all_labels(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path, train={"batch_size": 1})
    trainer.model.network.eval()
    with torch.no_grad():
        pairs = [trainer.model.loss(trainer.model.collate([one])) for one in trainer.validation]
    expected = sum(total for total, _ in pairs) / sum(labels for _, labels in pairs)
    assert trainer.evaluate() == pytest.approx(expected.item(), rel=1e-6)


def test_gradients_are_clipped(tmp_path, seq2seq_base):
    """With AdamW the length of a gradient hardly matters, with plain steps of this length it does."""
    trainer = tiny.trainer(seq2seq_base, tmp_path, train={"max_grad_norm": 1e-3})
    norms, step = [], trainer.optimizer.step

    def recording_step():
        gradients = [value.grad.norm() for value in trainer.model.network.parameters() if value.grad is not None]
        norms.append(torch.stack(gradients).norm().item())
        step()

    trainer.optimizer.step = recording_step
    trainer.train()
    assert norms == pytest.approx([1e-3] * 4, rel=1e-3)


def test_a_loss_that_is_not_finite_stops_the_training_with_a_message(tmp_path, seq2seq_base):
    with pytest.raises(
        InputError, match=r"the (validation )?loss became (nan|inf) at step \d+: lower this method's learning_rate"
    ):
        trainer = tiny.trainer(seq2seq_base, tmp_path)
        trainer.optimizer.param_groups[0]["lr"] = 1e30  # settings allow no such rate
        trainer.train()


def test_validation_and_training_have_clocks_of_their_own(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path)
    began = time.perf_counter()
    with trainer.monitor.phase("train"):
        trainer.train()
    passed = time.perf_counter() - began
    seconds = trainer.monitor.seconds
    assert set(seconds) == {"train", "validation", "checkpoint"}
    assert all(value > 0 for value in seconds.values())
    assert sum(seconds.values()) == pytest.approx(passed, abs=0.05)
