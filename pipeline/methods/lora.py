"""LoRA: a trainable low-rank update beside frozen weight matrices.

Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models.
rsLoRA: Kalajdzievski (2023). DoRA: Liu et al. (2024).
"""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section
from pipeline.methods import Positive, Share, Trained, inject, targets
from pipeline.models import families


@section
class Params(Trained):
    r: Annotated[int, Field(ge=1)]
    lora_alpha: Positive | None
    alpha_per_rank: Positive
    lora_dropout: Share
    target_modules: list[str] | None
    use_rslora: bool
    use_dora: bool


def adapt(model, tokenizer, params: Params, arch: str, seed: int):
    """The model with LoRA matrices beside `target_modules`; null takes PEFT's choice, mostly query and value."""
    from peft import LoraConfig

    config = LoraConfig(
        task_type=families.task_type(arch),
        r=params.r,
        lora_alpha=params.lora_alpha or params.alpha_per_rank * params.r,
        lora_dropout=params.lora_dropout,
        target_modules=targets(params.target_modules),
        use_rslora=params.use_rslora,
        use_dora=params.use_dora,
    )
    return inject(model, config, "lora")
