"""The memory of a training: two of its steps on the largest batch, with fake tensors."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import torch

from pipeline.models.architectures.base import LanguageModel
from pipeline.models.tuned import trained_parameters
from pipeline.parameters.train import QUANTIZED, Train, TrainingParams
from pipeline.planning.allocations import Allocations
from pipeline.planning.fake_model import KnownAnswers, adapt, describe_model, explained, fake_tensors, materialize
from pipeline.planning.packed_weights import keep_inputs, packed_bytes, quantizable, unpacked_bytes
from pipeline.planning.shapes import BatchShape
from pipeline.training.low_memory import save_memory
from pipeline.training.optimizer import make_optimizer
from pipeline.training.quantized_base import check_quantized


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes of each kind at the moment of a training step that holds most; their sum is the peak of training.

    weights: the base's, trained or not. added: what the method puts beside them, such as a soft prompt. activations:
    kept from the forward pass for the backward pass, with copies of weights in another precision. temporary: what an
    operation needs while it runs. validation, checkpoint: the peaks of these phases. trainable: trained parameters.
    """

    weights: int
    added: int
    gradients: int
    optimizer: int
    activations: int
    temporary: int
    validation: int
    checkpoint: int
    trainable: int

    @property
    def training(self) -> int:
        return self.weights + self.added + self.gradients + self.optimizer + self.activations + self.temporary

    @property
    def peak(self) -> int:
        return max(self.training, self.validation, self.checkpoint)


def training_memory(
    config: Any,
    architecture: str,
    module: ModuleType,
    params: TrainingParams,
    train: Train,
    precision: str,
    shape: BatchShape,
    validation: BatchShape,
    device: str,
) -> TrainingMemory:
    """What a training would hold, without weights. Raises InputError for a model whose class needs values."""
    name = module.__name__.rpartition(".")[2]
    with explained(f"plan of {name}"):
        model = describe_model(config, architecture, train.attn_implementation)
        base = {id(value) for value in model.network.parameters()}
        packed = quantizable(model.network) if train.base_weights in QUANTIZED else []
        adapt(model, module, params)
        check_quantized(name, model.network, packed, train, device)
        save_memory(name, model, train, precision)
        if train.base_weights == "8bit":
            keep_inputs(model.network, packed)
        names = {id(value): key for key, value in model.network.named_parameters()}
        added = [key for identity, key in names.items() if identity not in base]
        sizes = {names[id(weight)]: packed_bytes(weight, train.base_weights) for weight in packed}
        known, allocations = KnownAnswers(), Allocations()
        with fake_tensors(), known, allocations:
            materialize(model.network, device)
            run = FakeTraining(model, params, train, precision, device, known, allocations)
            for key, value in model.network.named_parameters():
                if key in added:
                    allocations.relabel(value, "added")
                if key in sizes:
                    allocations.resize(value, sizes[key])
            memory, unpacked = run.measure(shape, validation), unpacked_bytes(packed, precision)
            return replace(memory, temporary=memory.temporary + unpacked, validation=memory.validation + unpacked)


class FakeTraining:
    """The steps of pipeline/training/loop.py, as far as they need memory."""

    def __init__(
        self,
        model: LanguageModel,
        params: TrainingParams,
        train: Train,
        precision: str,
        device: str,
        known: KnownAnswers,
        allocations: Allocations,
    ) -> None:
        self.model, self.train, self.device = model, train, device
        self.known, self.allocations = known, allocations
        self.mixed = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        self.trained = trained_parameters(model.network)
        for value in self.trained.values():
            value.register_post_accumulate_grad_hook(lambda one: allocations.relabel(one.grad, "gradients"))
        self.optimizer: Any = make_optimizer(model.network, params)

    def measure(self, shape: BatchShape, validation: BatchShape) -> TrainingMemory:
        """Two steps, of which the second has the optimizer's states from the start, and a validation."""
        held = self.allocations
        self.step(shape)
        held.reset()
        self.step(shape)
        kinds = ("weights", "added", "gradients", "optimizer", "activations", "temporary")
        peak = {kind: held.peak[kind] for kind in kinds}
        states = held.held["optimizer"]
        trained = sum(value.untyped_storage().nbytes() for value in self.trained.values())
        # Files are written from copies of all their tensors.
        checkpoint = held.held.total() + max(states, trained)
        held.reset()
        self.validate(validation)
        trainable = sum(value.numel() for value in self.trained.values())
        return TrainingMemory(**peak, validation=held.peak.total(), checkpoint=checkpoint, trainable=trainable)

    def step(self, shape: BatchShape) -> None:
        allocations, network = self.allocations, self.model.network
        network.train()
        with allocations.counted_as("activations"):
            loss = self.loss(shape)
        with allocations.counted_as("temporary"):
            loss.backward()
            del loss
            torch.nn.utils.clip_grad_norm_(network.parameters(), self.train.max_grad_norm)
        if self.optimizer.state:
            with allocations.counted_as("temporary"):
                self.optimizer.step()
        else:
            with allocations.counted_as("optimizer"):
                self.optimizer.step()
        self.optimizer.zero_grad()

    def validate(self, shape: BatchShape) -> None:
        self.model.network.eval()
        with torch.no_grad(), self.allocations.counted_as("activations"):
            self.loss(shape)

    def loss(self, shape: BatchShape) -> Any:
        """The mean loss of a batch of this shape."""
        self.known.labels = shape.labels
        with torch.autocast(self.device, self.mixed, enabled=self.mixed is not None):
            total, _ = self.model.loss(fake_batch(shape, self.model, self.device))
        return total / shape.labels


def fake_batch(shape: BatchShape, model: LanguageModel, device: str) -> dict[str, Any]:
    """A collated batch, without values."""

    def ids(tokens: int) -> Any:
        return torch.zeros((shape.rows, tokens), dtype=torch.long, device=device)

    batch = {"input_ids": ids(shape.source), "attention_mask": ids(shape.source)}
    if not model.base_network.config.is_encoder_decoder:
        return {**batch, "labels": ids(shape.source)}
    return {**batch, "labels": ids(shape.target), "decoder_input_ids": ids(shape.target)}
