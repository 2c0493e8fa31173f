"""Full fine-tuning: every parameter is trained."""

from typing import Any

from pipeline.methods.base import LanguageModel, TrainingParams, section


@section
class Params(TrainingParams):
    pass


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network itself, all of it trainable."""
    return model.network.requires_grad_(True)
