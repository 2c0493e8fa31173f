"""LN tuning: the scales of the layer norms are trained and nothing else.

Zhao et al. (2023), Tuning LayerNorm in Attention. A selective method: it trains what is there and adds nothing.
"""

from pipeline.core.params import section
from pipeline.methods import Trained, inject
from pipeline.models import families


@section
class Params(Trained):
    target_modules: list[str] | None


def adapt(model, tokenizer, params: Params, arch: str, seed: int):
    """The model with trainable copies of the norms in `target_modules`; null takes PEFT's choice, all of them."""
    from peft import LNTuningConfig

    config = LNTuningConfig(task_type=families.task_type(arch), target_modules=params.target_modules)
    return inject(model, config, "ln_tuning")
