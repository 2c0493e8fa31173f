"""LoRA: a trainable low-rank update beside frozen weight matrices.

Hu et al. (2021), LoRA: Low-Rank Adaptation of Large Language Models.
rsLoRA: Kalajdzievski (2023). DoRA: Liu et al. (2024).
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
    lora_alpha: Positive | None
    alpha_per_rank: Positive
    lora_dropout: Share
    target_modules: Modules | None
    use_rslora: bool
    use_dora: bool


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with LoRA matrices beside `target_modules`; null is PEFT's choice, mostly query and value."""
    from peft import LoraConfig

    config = LoraConfig(
        task_type=model.task_type,
        r=params.r,
        lora_alpha=params.lora_alpha or params.alpha_per_rank * params.r,
        lora_dropout=params.lora_dropout,
        target_modules=targets(params.target_modules),
        use_rslora=params.use_rslora,
        use_dora=params.use_dora,
    )
    return inject(model, config, "lora")
