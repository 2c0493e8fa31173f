"""What would make a method fit: each change is planned as the method itself was."""

from dataclasses import dataclass, replace
from typing import Any

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.parameters.train import QUANTIZED
from pipeline.planning.method_plan import MethodPlan, Setting, changed, plan_training
from pipeline.planning.process_memory import process_memory


@dataclass(frozen=True)
class Remedy:
    """override: as `dvc exp run` takes it. total: bytes of the method's training with it."""

    override: str
    total: int


def remedies(plan: MethodPlan, params: Any, setting: Setting) -> list[Remedy]:
    """The changes that can be made to a training alone, the one that saves most first."""
    if not plan.training:
        return []
    found = []
    for override, other in alternatives(plan, setting):
        try:
            training = plan_training(methods.find(plan.method), params, other)
        except InputError:  # this model or method cannot be trained so
            continue
        beside = process_memory(setting.device, setting.imports, training.activations + training.temporary)
        found.append(Remedy(override, training.peak + beside.libraries + beside.gaps))
    return sorted((one for one in found if one.total < plan.training_total), key=lambda one: one.total)


def alternatives(plan: MethodPlan, setting: Setting) -> list[tuple[str, Setting]]:
    train = setting.train
    found = []
    if train.batch_size > 1:
        size, accumulated = train.batch_size // 2, 2 * train.gradient_accumulation_steps
        override = f"-S train.batch_size={size} -S train.gradient_accumulation_steps={accumulated}"
        found.append((override, changed(setting, batch_size=size, gradient_accumulation_steps=accumulated)))
    if not train.gradient_checkpointing:
        override = "-S train.gradient_checkpointing=true"
        found.append((override, changed(setting, gradient_checkpointing=True)))
        if train.batch_size > 1:
            override += f" -S train.batch_size=1 -S train.gradient_accumulation_steps={train.batch_size}"
            found.append((override, changed(setting, gradient_checkpointing=True, batch_size=1)))
    if train.base_weights == "fp32" and plan.training and plan.training.added:
        override = "-S train.base_weights=bf16"
        if setting.precision != "bf16":
            override += " -S train.precision=bf16"
        found.append((override, replace(changed(setting, base_weights="bf16"), precision="bf16")))
    if train.base_weights not in QUANTIZED and plan.training and plan.training.added:
        for kind in QUANTIZED:
            found.append((f"-S train.base_weights={kind}", changed(setting, base_weights=kind)))
    return found
