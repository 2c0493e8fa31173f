"""The plan of one method: its memory while it trains and while it writes, its time and its disk."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from pipeline import methods
from pipeline.parameters.generate import Generate
from pipeline.parameters.train import Train
from pipeline.planning.generation_memory import GenerationMemory, generation_memory
from pipeline.planning.process_memory import ProcessMemory, process_memory
from pipeline.planning.shapes import Lengths, generation_shape, training_shape, validation_shape
from pipeline.planning.training_memory import TrainingMemory, training_memory
from pipeline.training.loop import total_steps


@dataclass(frozen=True)
class Setting:
    """What all methods have in common. device: as torch names it. imports: bytes of a process after its imports.

    generate, train: without `auto`. precision: of training.
    """

    config: Any
    architecture: str
    train: Train
    generate: Generate
    precision: str
    lengths: Lengths
    seed: int
    device: str
    imports: int

    @property
    def causal(self) -> bool:
        return not self.config.is_encoder_decoder


@dataclass(frozen=True)
class MethodPlan:
    """Bytes of a method. training: None where nothing is trained. steps: None where the data are not known yet."""

    method: str
    training: TrainingMemory | None
    generation: GenerationMemory
    beside: ProcessMemory
    generating_beside: ProcessMemory
    steps: int | None

    @property
    def training_total(self) -> int:
        if not self.training:
            return 0
        return self.training.peak + self.beside.libraries + self.beside.gaps

    @property
    def generation_total(self) -> int:
        return self.generation.peak + self.generating_beside.libraries + self.generating_beside.gaps

    @property
    def total(self) -> int:
        """The most that any process of the method holds."""
        return max(self.training_total, self.generation_total)

    @property
    def saved(self) -> int:
        """Bytes of what a training leaves, in fp32."""
        return 4 * self.training.trainable if self.training else 0

    @property
    def checkpoints(self) -> int:
        """Bytes of checkpoints at once: the best, the newest, and the one that is being written."""
        if not self.training:
            return 0
        return 3 * (self.saved + self.training.optimizer)


def plan_method(name: str, params: Any, setting: Setting, generation: dict[int, GenerationMemory]) -> MethodPlan:
    """The plan of a method. generation: found so far, by the number of worked examples; methods share it."""
    module = methods.find(name)
    examples = getattr(params, "num_examples", 0)
    if examples not in generation:
        generation[examples] = _generation(setting, examples)
    written = generation[examples]
    beside = process_memory(setting.device, setting.imports, written.temporary)
    if not hasattr(module, "adapt"):
        return MethodPlan(name, None, written, beside, beside, 0)
    training = plan_training(module, params, setting)
    movable = training.activations + training.temporary
    lengths = setting.lengths
    steps = total_steps(params, setting.train, len(lengths.train)) if lengths.train else None
    return MethodPlan(name, training, written, process_memory(setting.device, setting.imports, movable), beside, steps)


def plan_training(module: ModuleType, params: Any, setting: Setting) -> TrainingMemory:
    lengths, train, causal = setting.lengths, setting.train, setting.causal
    return training_memory(
        setting.config,
        setting.architecture,
        module,
        params,
        train,
        setting.precision,
        training_shape(lengths, train.batch_size, causal, setting.seed, params.num_train_epochs),
        validation_shape(lengths, train.batch_size, causal),
        setting.device,
    )


def _generation(setting: Setting, examples: int) -> GenerationMemory:
    shape = generation_shape(setting.lengths, setting.generate.batch_size, setting.causal, examples)
    return generation_memory(setting.config, setting.architecture, setting.generate, shape, setting.device)


def changed(setting: Setting, **train: Any) -> Setting:
    """The same setting with other values of `train`."""
    return replace(setting, train=replace(setting.train, **train))
