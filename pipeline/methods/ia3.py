"""(IA)^3: trained vectors that scale keys, values and the inner activations of the feed-forward layers.

Liu et al. (2022), Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning.
"""

from typing import Any

from pipeline.methods.base import LanguageModel, Modules, TrainingParams, inject, section
from pipeline.parameters.types import ModuleName


@section
class Params(TrainingParams):
    target_modules: Modules | None
    feedforward_modules: list[ModuleName] | None


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with a vector of ones at each of `target_modules`; null is PEFT's choice for the model.

    Of `feedforward_modules`, some of `target_modules`, the inputs are scaled and not the outputs.
    """
    from peft import IA3Config

    config = IA3Config(
        task_type=model.task_type,
        target_modules=params.target_modules,
        feedforward_modules=params.feedforward_modules,
    )
    return inject(model, config, "ia3")
