"""AdaLoRA: LoRA as a singular value decomposition whose least important values are removed during training.

Zhang et al. (2023), AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning. The ranks it ends with
differ from matrix to matrix; their mean is `target_r`.
"""

import warnings
from typing import Annotated, Any

from pydantic import Field

from pipeline.core.errors import InputError
from pipeline.methods.base import (
    Count,
    LanguageModel,
    MethodHooks,
    Modules,
    Positive,
    Share,
    TrainingParams,
    Width,
    inject,
    section,
    targets,
)


@section
class Params(TrainingParams):
    init_r: Annotated[int, Field(ge=2, le=65_536)]
    target_r: Width
    alpha_per_rank: Positive
    lora_dropout: Share
    target_modules: Modules | None
    tinit: Share
    tfinal: Share
    deltaT: Count
    beta1: Annotated[float, Field(gt=0, lt=1)]
    beta2: Annotated[float, Field(gt=0, lt=1)]
    orth_reg_weight: Annotated[float, Field(ge=0, le=10**6)]

    def __post_init__(self) -> None:
        if self.target_r >= self.init_r:
            raise ValueError(f"target_r={self.target_r} must be below init_r={self.init_r}: ranks only shrink")
        if self.tinit + self.tfinal >= 1:
            raise ValueError(f"tinit={self.tinit} and tfinal={self.tfinal} are shares that must leave steps between")


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with `init_r` singular triplets beside each of `target_modules`; null is PEFT's choice."""
    from peft import AdaLoraConfig

    # When saving: a matrix may end with rank zero, which PEFT takes for a broken one.
    warnings.filterwarnings("ignore", r"Adapter .* tensor\(s\) have invalid shape")
    config = AdaLoraConfig(
        task_type=model.task_type,
        init_r=params.init_r,
        target_r=params.target_r,
        lora_alpha=params.alpha_per_rank * params.init_r,
        lora_dropout=params.lora_dropout,
        target_modules=targets(params.target_modules),
        deltaT=params.deltaT,
        beta1=params.beta1,
        beta2=params.beta2,
        orth_reg_weight=params.orth_reg_weight,
        total_step=1,  # set by Hooks, which know the number of steps
    )
    network = inject(model, config, "adalora")
    for name, value in network.named_parameters():
        if ".ranknum." in name:  # a constant that is not saved; beside 4-bit layers in bf16, PEFT would train it
            value.requires_grad = False
    return network


class Hooks(MethodHooks):
    """Keeps the singular vectors orthogonal and reallocates ranks; its state is the averages of sensitivities."""

    def __init__(self, network: Any, params: Params, steps: int) -> None:
        self.config, self.tuner = network.peft_config["default"], network.base_model
        tinit, tfinal = round(params.tinit * steps), round(params.tfinal * steps)
        if tinit >= steps - tfinal or steps - tfinal < 2:  # the first step only measures
            raise InputError(f"adalora: {steps} steps, of which tinit and tfinal leave none to reallocate ranks in")
        self.config.tinit, self.config.tfinal, self.config.total_step = tinit, tfinal, steps

    def penalty(self) -> Any:
        """Distance of the vectors from orthonormal, averaged over matrices; PEFT adds it to a loss that it computes."""
        import torch

        off = []
        for name, vectors in self.tuner.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                product = vectors @ vectors.T if ".lora_A." in name else vectors.T @ vectors
                off.append(torch.linalg.norm(product - torch.eye(len(product), device=product.device)))
        return self.config.orth_reg_weight * torch.stack(off).mean()

    def after_optimizer_step(self, step: int) -> None:
        import torch

        for value in self.tuner.parameters():
            if value.requires_grad and value.grad is None:  # of an expert that no token was sent to
                value.grad = torch.zeros_like(value)
        self.tuner.update_and_allocate(step)

    def state(self) -> dict[str, Any]:
        allocator = self.tuner.rankallocator
        kept = {"ipt": allocator.exp_avg_ipt, "unc": allocator.exp_avg_unc}
        return {f"{kind}/{name}": value for kind, values in kept.items() for name, value in values.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """The averages, and as ranks the number of singular values that are not zero in the weights."""
        allocator = self.tuner.rankallocator
        allocator.reset_ipt()
        kept = {"ipt": allocator.exp_avg_ipt, "unc": allocator.exp_avg_unc}
        for key, value in state.items():
            kind, _, name = key.partition("/")
            kept[kind][name] = value
        allocator.ipt = dict(allocator.exp_avg_ipt)  # looked up, and overwritten by the next step
        self.config.rank_pattern = {
            name: (values != 0).flatten().tolist()
            for name, values in self.tuner.model.named_parameters()
            if ".lora_E." in name
        }
