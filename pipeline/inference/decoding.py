"""Text from prompts: the search's settings, and batches of prompts."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.core.errors import InputError
from pipeline.inference.batching import longest_first, run_in_batches
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.positions import decoder_positions
from pipeline.models.virtual_tokens import virtual_tokens
from pipeline.parameters.generate import DecodingParams


class Answer(NamedTuple):
    """New token ids without the end token, and whether there was one."""

    ids: list[int]
    ended: bool


def configure_decoding(model: LanguageModel, params: DecodingParams) -> Any:
    """transformers' GenerationConfig with every setting given; of the checkpoint's own only its tokens count.

    A chat model may end its turn with another token than the tokenizer's. The network gets this configuration too,
    because `generate` fills gaps from the network's own.
    """
    from transformers import GenerationConfig

    network, tokenizer = model.network, model.tokenizer
    own = model.base_network.generation_config.eos_token_id
    own = own if isinstance(own, list) else [own]
    ends = {tokenizer.eos_token_id, *(token for token in own if isinstance(token, int))}
    config = GenerationConfig(
        max_new_tokens=params.max_new_tokens,
        num_beams=params.num_beams,
        no_repeat_ngram_size=params.no_repeat_ngram_size,
        length_penalty=params.length_penalty if params.num_beams > 1 else 1.0,  # for beams only; otherwise it warns
        do_sample=False,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
        **model.generation_tokens(),
    )
    network.generation_config = model.base_network.generation_config = config
    return config


def free_positions(model: LanguageModel, new_tokens: int, key: str, soft: int = 0) -> int | None:
    """How long a prompt can be; None: no bound. soft: virtual tokens that the network itself does not add.

    Raises InputError where `new_tokens`, set as `key`, are more than the model has.
    """
    config, added = model.base_network.config, soft + virtual_tokens(model.network)
    found, writable = model.prompt_positions(config, new_tokens), model.completion_positions(config)
    if (writable and new_tokens > writable) or (found is not None and found <= added):
        most = writable or decoder_positions(config)
        raise InputError(f"{key}={new_tokens}: the model has {most} positions; lower it")
    return found and found - added


def generate_answers(
    model: LanguageModel, prompts: list[list[int]], config: Any, batch_size: int, precision: str
) -> Iterator[tuple[int, Answer, int]]:
    """(number of the prompt, its answer, batch size) for each prompt, the longest first.

    precision: fp32, or bf16 for autocast.
    """
    import torch

    model.tokenizer.padding_side = model.prompt_padding_side
    ends = set(config.eos_token_id)

    def process(numbers: list[int]) -> list[Answer]:
        ids = {"input_ids": [prompts[number] for number in numbers]}
        batch = model.tokenizer.pad(ids, return_tensors="pt").to(model.device)
        autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=precision == "bf16")
        with torch.inference_mode(), autocast:
            rows = model.generate(batch, config).tolist()
        return [cut_at_end(row, ends) for row in rows]

    yield from run_in_batches(longest_first([len(prompt) for prompt in prompts]), batch_size, process)


def cut_at_end(ids: list[int], ends: set[int]) -> Answer:
    """The ids before the first end token."""
    length = next((position for position, token in enumerate(ids) if token in ends), len(ids))
    return Answer(ids[:length], length < len(ids))
