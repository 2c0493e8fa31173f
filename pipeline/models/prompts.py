"""Prompts as text and as token ids: chat templates, worked examples, limits."""

from typing import Any

from pipeline.core.errors import InputError
from pipeline.models.architectures.base import LanguageModel


def join_turns(examples: list[dict[str, Any]], instruction: str, model: LanguageModel) -> str:
    """The text a model reads: worked examples (few-shot; instruction and completion each), then the instruction.

    For a chat model they are earlier turns of the conversation; otherwise paragraphs of one text.
    """
    if model.chat:
        turns = []
        for example in examples:
            completion = escape_special_tokens(example["completion"], model.tokenizer)
            turns.append({"role": "user", "content": example["instruction"]})
            turns.append({"role": "assistant", "content": completion})
        turns.append({"role": "user", "content": instruction})
        return model.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    paragraphs = [f"{example['instruction']} {example['completion'].strip()}" for example in examples]
    return "\n\n".join([*paragraphs, instruction])


def escape_special_tokens(text: str, tokenizer: Any) -> str:
    """A text that holds <|im_end|> or the like, changed so that it cannot end its own turn in a chat."""
    for added in tokenizer.added_tokens_decoder.values():
        token = added.content
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def completion_start(model: LanguageModel) -> str:
    """What comes between a prompt and its completion; a chat template ends with it already."""
    return "" if model.chat else model.separator


def tokenize_prompt(prompt: str, model: LanguageModel) -> dict[str, Any]:
    """A prompt's input_ids and offset_mapping.

    Only a chat template writes special tokens into text; elsewhere their names are plain text.
    """
    plain = not model.chat
    return model.tokenizer(prompt, add_special_tokens=plain, split_special_tokens=plain, return_offsets_mapping=True)


def tokenize_completion(completion: str, model: LanguageModel) -> list[int]:
    """A completion's ids, without special tokens."""
    return model.tokenizer(completion, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def tokenize_instruction(instruction: str, model: LanguageModel) -> list[int]:
    """The ids of an instruction that comes from a file, in the model's chat template if it has one."""
    if model.chat:
        instruction = escape_special_tokens(instruction, model.tokenizer)
    return tokenize_prompt(join_turns([], instruction, model), model)["input_ids"]


def truncate_prompt(prompt: str, dialogue: str, model: LanguageModel, limit: int) -> tuple[list[int], int]:
    """Ids of a prompt, at most `limit` of them, and how many were taken out of the middle of its last dialogue.

    Raises InputError where the dialogue has fewer tokens than would have to go.
    """
    encoded = tokenize_prompt(prompt, model)
    ids, start = encoded["input_ids"], prompt.rfind(dialogue)
    excess = len(ids) - limit
    if excess <= 0:
        return ids, 0
    stop = start + len(dialogue)
    inside = [
        position
        for position, (left, right) in enumerate(encoded["offset_mapping"])
        if left < right and start <= left and right <= stop
    ]
    if len(inside) < excess:
        raise InputError(
            f"a prompt has {len(ids)} tokens and its dialogue only {len(inside)} of them, "
            f"so it cannot be shortened to {limit}: raise tokenize.max_source_tokens or shorten the template"
        )
    first = inside[(len(inside) - excess) // 2]
    return ids[:first] + ids[first + excess :], excess


def encode_with_examples(
    row: dict[str, Any], examples: list[dict[str, Any]], model: LanguageModel, limit: int
) -> list[int]:
    """The ids of a row of data/prompts with worked examples in front.

    The limit is the prompt's own; the examples come on top of it.
    """
    ids, truncated = truncate_prompt(row["prompt"], row["dialogue"], model, limit)
    if not examples:
        return ids
    text = join_turns(examples, row["instruction"], model)
    whole = len(tokenize_prompt(text, model)["input_ids"])
    return truncate_prompt(text, row["dialogue"], model, whole - truncated)[0]
