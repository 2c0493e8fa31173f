"""DoRA: LoRA for the direction of each weight matrix, and a trained vector for the lengths of its columns.

Liu et al. (2024), DoRA: Weight-Decomposed Low-Rank Adaptation. The same as lora with use_dora, as a row of its own.
"""

from typing import Annotated

from pydantic import Field

from pipeline.core.params import section
from pipeline.methods import Positive, Share, Trained, inject, targets
from pipeline.models import families


@section
class Params(Trained):
    r: Annotated[int, Field(ge=1)]
    alpha_per_rank: Positive
    lora_dropout: Share
    target_modules: list[str] | None


def adapt(model, tokenizer, params: Params, arch: str, seed: int):
    """The model with DoRA at `target_modules`; null takes PEFT's choice, mostly query and value."""
    from peft import LoraConfig

    config = LoraConfig(
        task_type=families.task_type(arch),
        r=params.r,
        lora_alpha=params.alpha_per_rank * params.r,
        lora_dropout=params.lora_dropout,
        target_modules=targets(params.target_modules),
        use_dora=True,
    )
    return inject(model, config, "dora")
