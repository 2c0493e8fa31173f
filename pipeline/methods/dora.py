"""DoRA: LoRA for the direction of each weight matrix, and a trained vector for the lengths of its columns.

Liu et al. (2024), DoRA: Weight-Decomposed Low-Rank Adaptation. The same as lora with use_dora, as a row of its own.
"""

from typing import Any

from pipeline.methods.base import (
    LanguageModel,
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
    r: Width
    alpha_per_rank: Positive
    lora_dropout: Share
    target_modules: Modules | None


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with DoRA at `target_modules`; null is PEFT's choice, mostly query and value."""
    from peft import LoraConfig

    config = LoraConfig(
        task_type=model.task_type,
        r=params.r,
        lora_alpha=params.alpha_per_rank * params.r,
        lora_dropout=params.lora_dropout,
        target_modules=targets(params.target_modules),
        use_dora=True,
    )
    return inject(model, config, "dora")
