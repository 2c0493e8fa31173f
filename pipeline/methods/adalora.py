"""AdaLoRA: LoRA as a singular value decomposition whose least important values are cut off while it trains.

Zhang et al. (2023), AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning. The ranks it ends with
differ from matrix to matrix; their mean is `target_r`.
"""

import warnings
from typing import Annotated

from pydantic import Field

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.methods import Positive, Share, Trained, inject, targets
from pipeline.models import families
from pipeline.parameters.types import Count


@section
class Params(Trained):
    init_r: Annotated[int, Field(ge=2)]
    target_r: Count
    alpha_per_rank: Positive
    lora_dropout: Share
    target_modules: list[str] | None
    tinit: Share
    tfinal: Share
    deltaT: Count
    beta1: Annotated[float, Field(gt=0, lt=1)]
    beta2: Annotated[float, Field(gt=0, lt=1)]
    orth_reg_weight: Annotated[float, Field(ge=0)]

    def __post_init__(self):
        if self.target_r >= self.init_r:
            raise ValueError(f"target_r={self.target_r} must be below init_r={self.init_r}: ranks only shrink")
        if self.tinit + self.tfinal >= 1:
            raise ValueError(f"tinit={self.tinit} and tfinal={self.tfinal} are shares that must leave steps between")


def adapt(model, tokenizer, params: Params, arch: str, seed: int):
    """The model with `init_r` singular triplets beside each of `target_modules`; null takes PEFT's choice."""
    from peft import AdaLoraConfig

    # On saving. A matrix may well end with no rank at all; PEFT takes that for a torn one.
    warnings.filterwarnings("ignore", r"Adapter .* tensor\(s\) have invalid shape")
    config = AdaLoraConfig(
        task_type=families.task_type(arch),
        init_r=params.init_r,
        target_r=params.target_r,
        lora_alpha=params.alpha_per_rank * params.init_r,
        lora_dropout=params.lora_dropout,
        target_modules=targets(params.target_modules),
        deltaT=params.deltaT,
        beta1=params.beta1,
        beta2=params.beta2,
        orth_reg_weight=params.orth_reg_weight,
        total_step=1,  # the schedule is the companion's, who knows the number of steps
    )
    return inject(model, config, "adalora")


class Companion(methods.Companion):
    """Keeps the singular vectors orthogonal and shares out the rank; its state are averages of the sensitivities."""

    def __init__(self, model, params: Params, steps: int):
        self.config, self.tuner = model.peft_config["default"], model.base_model
        tinit, tfinal = round(params.tinit * steps), round(params.tfinal * steps)
        if tinit >= steps - tfinal or steps - tfinal < 2:  # its first step only measures
            raise InputError(f"adalora: {steps} steps, of which tinit and tfinal leave none to share out rank in")
        self.config.tinit, self.config.tfinal, self.config.total_step = tinit, tfinal, steps

    def penalty(self):
        """How far from orthonormal the vectors are, averaged over matrices; PEFT adds it to a loss it computes."""
        import torch

        off = []
        for name, vectors in self.tuner.named_parameters():
            if ".lora_A." in name or ".lora_B." in name:
                product = vectors @ vectors.T if ".lora_A." in name else vectors.T @ vectors
                off.append(torch.linalg.norm(product - torch.eye(len(product), device=product.device)))
        return self.config.orth_reg_weight * torch.stack(off).mean()

    def stepped(self, step: int) -> None:
        self.tuner.update_and_allocate(step)

    def state(self) -> dict:
        allocator = self.tuner.rankallocator
        kept = {"ipt": allocator.exp_avg_ipt, "unc": allocator.exp_avg_unc}
        return {f"{kind}/{name}": value for kind, values in kept.items() for name, value in values.items()}

    def restore(self, state: dict) -> None:
        """The averages, and as ranks the singular values that are not zero: those that the weights have."""
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
