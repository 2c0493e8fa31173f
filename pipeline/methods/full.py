"""Full fine-tuning: every parameter is trained."""

from pipeline.core.params import section
from pipeline.methods import Trained


@section
class Params(Trained):
    pass


def adapt(model, tokenizer, params: Params, arch: str, seed: int):
    """The model itself, all of it trainable."""
    return model.requires_grad_(True)
