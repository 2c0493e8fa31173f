"""LN tuning: the scales of the layer norms are trained and nothing else.

Zhao et al. (2023), Tuning LayerNorm in Attention. A selective method: it trains what is there and adds nothing.
"""

from typing import Any

from pipeline.methods.base import LanguageModel, Modules, TrainingParams, inject, section


@section
class Params(TrainingParams):
    target_modules: Modules | None


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with trainable copies of the norms in `target_modules`; null is PEFT's choice, all of them."""
    from peft import LNTuningConfig

    config = LNTuningConfig(task_type=model.task_type, target_modules=params.target_modules)
    return inject(model, config, "ln_tuning")
