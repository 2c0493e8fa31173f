"""Seconds of a training step and of a generated batch, from a few of them with the model's weights."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pipeline import methods
from pipeline.core.paths import Paths
from pipeline.core.token_files import input_lengths
from pipeline.inference.decoding import configure_decoding, generate_answers
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.devices import best_device
from pipeline.models.loading import load_model
from pipeline.parameters.train import QUANTIZED
from pipeline.planning.method_plan import Setting
from pipeline.training.batches import length_grouped_batches
from pipeline.training.low_memory import save_memory
from pipeline.training.optimizer import make_optimizer
from pipeline.training.quantized_base import adapt, load_base

STEPS = 3  # after one that is not timed; spread over an epoch


@dataclass(frozen=True)
class Times:
    """Seconds of an optimizer step, of a validation and of a generated batch; None where nothing is trained."""

    step: float | None
    validation: float | None
    batch: float


def measure(name: str, params: Any, setting: Setting, paths: Paths) -> Times:
    """Load the base, adapt it, take some steps and write one batch. It needs the tokens of train and validation."""
    train, lengths = setting.train, setting.lengths
    model = load_base(paths.base_model, setting.architecture, train, setting.precision)
    module, step, validation = methods.find(name), None, None
    if hasattr(module, "adapt"):
        model.network = adapt(name, module, model, params, setting.seed, train)
        model.network.to(best_device())
        model.collate(list(lengths.train[:1]))  # which may try the network, in fp32
        save_memory(name, model, train, setting.precision)
        step = time_steps(model, params, setting, lengths.train)
        # Forward alone, a third of a step; twice the batch, and half as many of them.
        validation = step / 3 * max(1.0, len(lengths.validation) / train.batch_size)
        step *= train.gradient_accumulation_steps
    if train.base_weights in QUANTIZED:  # for training alone
        model = load_model(paths.base_model, setting.architecture, None, train.attn_implementation)
    model.network.eval().to(best_device())
    return Times(step, validation, time_generation(model, setting))


def time_steps(model: LanguageModel, params: Any, setting: Setting, examples: Sequence[Example]) -> float:
    """Mean seconds of a step over one batch."""
    train = setting.train
    batches = length_grouped_batches(input_lengths(examples), train.batch_size, setting.seed, 0)
    chosen = [batches[number * (len(batches) - 1) // STEPS] for number in range(STEPS + 1)]
    optimizer: Any = make_optimizer(model.network, params)
    mixed = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[setting.precision]
    model.network.train()
    began = 0.0
    for number, batch in enumerate(chosen):
        if number == 1:
            began = now()
        inputs = model.collate([examples[one] for one in batch]).to(model.device)
        with torch.autocast(model.device.type, mixed, enabled=mixed is not None):
            total, labels = model.loss(inputs)
        (total / labels).backward()
        torch.nn.utils.clip_grad_norm_(model.network.parameters(), train.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
    return (now() - began) / STEPS


def time_generation(model: LanguageModel, setting: Setting) -> float:
    """Seconds of one batch of prompts of validation."""
    rows = setting.lengths.validation[: setting.generate.batch_size]
    prompts = [one["input_ids"] for one in rows]
    if setting.causal:
        prompts = [[token for token, label in zip(one["input_ids"], one["labels"]) if label < 0] for one in rows]
    config = configure_decoding(model, setting.generate)
    began = now()
    list(generate_answers(model, prompts, config, len(prompts), setting.generate.precision))
    return now() - began


def now() -> float:
    """Seconds, when all that was started has ended."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
