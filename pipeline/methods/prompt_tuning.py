"""Prompt tuning: trainable vectors in front of the frozen model's input.

Lester, Al-Rfou and Constant (2021), The Power of Scale for Parameter-Efficient Prompt Tuning.
"""

import random
from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.core.errors import InputError
from pipeline.methods.base import LanguageModel, SoftTokens, TrainingParams, inject_prompt, section


@section
class Params(TrainingParams):
    num_virtual_tokens: SoftTokens
    init: Literal["text", "vocabulary"]
    init_text: Annotated[str, Field(max_length=10**5)]


def adapt(model: LanguageModel, params: Params, seed: int) -> Any:
    """The network with `num_virtual_tokens` soft tokens, initialized as embeddings of a text or frequent tokens."""
    import torch
    from peft import PromptTuningConfig

    config = PromptTuningConfig(
        task_type=model.task_type,
        num_virtual_tokens=params.num_virtual_tokens,
        # PEFT's default for seq2seq is 2: a second prompt on the decoder, which generate() never feeds.
        num_transformer_submodules=1,
        tokenizer_name_or_path=None,
    )
    vocabulary = model.network.get_input_embeddings().weight.shape[0]
    tokens = torch.tensor(initial_tokens(model.tokenizer, params, vocabulary, seed))
    network = inject_prompt(model, config)
    with torch.no_grad():
        network.prompt_encoder["default"].embedding.weight.copy_(network.word_embeddings(tokens))
    return network


def initial_tokens(tokenizer: Any, params: Params, vocabulary: int, seed: int) -> list[int]:
    """The tokens whose embeddings the soft prompt begins with: the text's, repeated, or a draw of low ids.

    Tokenizers give frequent pieces low ids; Lester et al. draw from the 5,000 most frequent.
    """
    if params.init == "text":
        text = tokenizer(params.init_text, add_special_tokens=False)["input_ids"]
        if not text:
            raise InputError("prompt_tuning.init_text: empty")
        return [text[i % len(text)] for i in range(params.num_virtual_tokens)]
    special = set(tokenizer.all_special_ids)
    common = [token for token in range(min(5000, vocabulary)) if token not in special]
    return random.Random(seed).choices(common, k=params.num_virtual_tokens)
