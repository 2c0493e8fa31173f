"""The plan of a training against the same steps with real tensors, on tiny models."""

from typing import Any

import pytest
import torch

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.models.loading import load_config
from pipeline.planning.allocations import Allocations
from pipeline.planning.method_plan import Setting, plan_method
from pipeline.planning.remedies import remedies
from pipeline.planning.shapes import Lengths, shape_of, training_shape, validation_shape
from pipeline.planning.training_memory import TrainingMemory, training_memory
from pipeline.training.optimizer import make_optimizer
from tests import tiny

METHODS = ("full", "lora", "prompt_tuning")
ROWS = [tiny.texts()[number][:160] for number in range(8)]


def planned(base, architecture: str, method: str, precision: str = "fp32", **train: Any) -> TrainingMemory:
    lengths = known_lengths(base, architecture)
    causal, settings = architecture == "causal", tiny.train_params(**{"batch_size": 8} | train)
    params = tiny.method_params(method)
    return training_memory(
        load_config(base),
        architecture,
        methods.find(method),
        params,
        settings,
        precision,
        training_shape(lengths, settings.batch_size, causal, 1, params.num_train_epochs),
        validation_shape(lengths, settings.batch_size, causal),
        "cpu",
    )


def known_lengths(base, architecture: str) -> Lengths:
    rows = tiny.examples(tiny.load(base, architecture), tuple(ROWS))
    return Lengths(512, 128, 64, rows, rows[:2])


def real_peak(base, architecture: str, method: str) -> int:
    """Bytes that the second step of a real training holds beside its weights."""
    allocations = Allocations()
    loaded = tiny.adapt(tiny.load(base, architecture), method)
    rows, network = tiny.examples(loaded, tuple(ROWS)), loaded.network
    loaded.collate(rows)
    network.train()
    optimizer = make_optimizer(network, tiny.method_params(method))
    with allocations:
        for _ in range(2):
            allocations.reset()
            total, labels = loaded.loss(loaded.collate(rows))
            loss = total / labels
            del total
            loss.backward()
            del loss
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    return allocations.peak.total()


@pytest.mark.parametrize("method", METHODS)
def test_a_plan_holds_what_a_real_step_holds(base, architecture, method):
    plan = planned(base, architecture, method)
    beside_weights = plan.training - plan.weights - plan.added
    # The weights of a real network were there before the count began; a view of one, such as its transpose, counts.
    weights = plan.weights + plan.added
    assert 0.97 * beside_weights < real_peak(base, architecture, method) < 1.03 * beside_weights + weights


def test_weights_and_states_are_counted_to_the_byte(seq2seq_base):
    full, lora = (planned(seq2seq_base, "seq2seq", method) for method in ("full", "lora"))
    parameters = sum(value.numel() for value in tiny.load(seq2seq_base, "seq2seq").network.parameters())
    assert full.trainable == parameters and full.weights == lora.weights == 4 * parameters
    assert full.added == 0 and lora.added == 4 * lora.trainable
    for plan in (full, lora):
        assert plan.optimizer == pytest.approx(8 * plan.trainable, rel=0.01)  # and a counter for each parameter


def test_what_saves_memory_saves_it_in_the_plan(base, architecture):
    plain = planned(base, architecture, "lora")
    assert planned(base, architecture, "lora", gradient_checkpointing=True).activations < plain.activations / 2
    assert planned(base, architecture, "lora", batch_size=4).activations < 0.7 * plain.activations
    wide, halved = (planned(base, architecture, "lora", "bf16", base_weights=kind) for kind in ("fp32", "bf16"))
    assert halved.weights < 0.8 * wide.weights and halved.training < wide.training


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_quantized_base_is_smaller_in_the_plan(base, architecture, precision):
    wide, eight, four = (
        planned(base, architecture, "lora", precision, base_weights=kind) for kind in ("fp32", "8bit", "4bit")
    )
    assert four.weights < eight.weights < wide.weights
    assert four.trainable == wide.trainable
    assert four.training < wide.training
    assert precision == "fp32" or eight.activations > wide.activations  # its layers keep their inputs in bf16 too
    with pytest.raises(InputError, match=r"full: train.base_weights=4bit is for methods that leave the base frozen"):
        planned(base, architecture, "full", precision, base_weights="4bit")


def test_a_smaller_base_is_advice_for_adapters_alone(seq2seq_base):
    lengths = known_lengths(seq2seq_base, "seq2seq")
    train, generate = tiny.train_params(batch_size=8), tiny.generate_params(batch_size=2)
    config = load_config(seq2seq_base)
    setting = Setting(config, "seq2seq", train, generate, "fp32", lengths, seed=1, device="cpu", imports=0)
    for method, offered in (("lora", True), ("full", False)):
        params = tiny.method_params(method)
        advice = {one.override for one in remedies(plan_method(method, params, setting, {}), params, setting)}
        assert ("-S train.base_weights=4bit" in advice) == offered


def test_the_largest_batch_is_found_in_the_tokens(seq2seq_base):
    lengths = known_lengths(seq2seq_base, "seq2seq")
    shape = training_shape(lengths, 3, causal=False, seed=1, epochs=2)
    assert shape.rows == 3
    assert shape.source == max(len(one["input_ids"]) for one in lengths.train)
    assert shape_of(lengths.train[:2], causal=True).target == 0  # its completion is part of the input
    unknown = training_shape(Lengths(512, 128, 64), 3, causal=True, seed=1, epochs=2)
    assert (unknown.source, unknown.labels) == (640, 3 * 128)


def test_a_model_that_needs_values_is_refused_in_one_line(seq2seq_base, monkeypatch):
    def adapt(model, params, seed):
        return model.network if next(model.network.parameters()).sum().item() else None

    monkeypatch.setattr(methods.find("lora"), "adapt", adapt)
    with pytest.raises(InputError, match="lora: this model cannot be planned without its weights"):
        planned(seq2seq_base, "seq2seq", "lora")
