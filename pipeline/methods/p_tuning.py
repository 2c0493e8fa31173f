"""P-tuning: a soft prompt that an MLP or an LSTM makes while it is trained; what is kept are the vectors it made.

Liu et al. (2021), GPT Understands, Too.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.methods.base import LanguageModel, Share, SoftTokens, TrainingParams, Width, inject_prompt, section


@section
class Params(TrainingParams):
    num_virtual_tokens: SoftTokens
    encoder_reparameterization_type: Literal["MLP", "LSTM"]
    encoder_hidden_size: Width
    encoder_num_layers: Annotated[int, Field(ge=1, le=1000)]
    encoder_dropout: Share


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with `num_virtual_tokens` soft tokens and their encoder before its input."""
    from peft import PromptEncoderConfig

    config = PromptEncoderConfig(
        task_type=model.task_type,
        num_virtual_tokens=params.num_virtual_tokens,
        num_transformer_submodules=1,  # PEFT's 2 for seq2seq trains a second prompt that nothing reads
        encoder_reparameterization_type=params.encoder_reparameterization_type,
        encoder_hidden_size=params.encoder_hidden_size,
        encoder_num_layers=params.encoder_num_layers,
        encoder_dropout=params.encoder_dropout,
    )
    return inject_prompt(model, config)
