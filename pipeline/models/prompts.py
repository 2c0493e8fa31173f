"""Prompts as text and as token ids: chat templates, worked examples, limits."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pipeline.core.errors import InputError
from pipeline.models import tokenizer
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import render


class Prompt(NamedTuple):
    """Ids of a prompt, and how many tokens were taken out of its source."""

    ids: list[int]
    truncated: int


def join_turns(examples: list[dict[str, Any]], instruction: str, model: LanguageModel) -> str:
    """The text a model reads: worked examples (few-shot; instruction and completion each), then the instruction.

    For a chat model they are earlier turns of the conversation; otherwise paragraphs of one text.
    """
    if model.chat:
        turns = []
        for example in examples:
            turns.append({"role": "user", "content": example["instruction"]})
            turns.append({"role": "assistant", "content": escape_control_tokens(example["completion"], model)})
        turns.append({"role": "user", "content": instruction})
        return render(model.tokenizer, turns, model.chat)
    paragraphs = [f"{example['instruction']} {example['completion'].strip()}" for example in examples]
    return "\n\n".join([*paragraphs, instruction])


def prompt_row(identity: str, instruction: str, completion: str, source: str, model: LanguageModel) -> dict[str, Any]:
    """What rows of data/prompts have of every task. source: the part of the instruction that may be shortened."""
    return {
        "id": identity,
        "instruction": instruction,
        "prompt": join_turns([], instruction, model),
        "completion": completion_start(model) + completion,
        "source": source,
    }


def escape_control_tokens(text: str, model: LanguageModel) -> str:
    """A text for a chat in which no control token of the chat is left."""
    return tokenizer.escape_control_tokens(text, model.control_tokens)


def completion_start(model: LanguageModel) -> str:
    """What comes between a prompt and its completion; a chat template ends with it already."""
    return "" if model.chat else model.separator


def encode_prompt(prompt: str, model: LanguageModel) -> tuple[str, list[int], list[tuple[int, int]] | None]:
    """A prompt as tokenized, its ids, and their offsets in it (None where the tokenizer knows none)."""
    return tokenizer.encode_chat(prompt, model) if model.chat else tokenizer.encode(prompt, model, special=True)


def tokenize_completion(completion: str, model: LanguageModel) -> list[int]:
    """A completion's ids, after what the model starts every completion with; without an end."""
    _, ids, _ = tokenizer.encode(completion, model, special=False)
    return [*model.completion_frame[0], *ids]


def tokenize_instruction(instruction: str, model: LanguageModel) -> list[int]:
    """The ids of an instruction that comes from a file, in the model's chat template if it has one."""
    if model.chat:
        instruction = escape_control_tokens(instruction, model)
    return encode_prompt(join_turns([], instruction, model), model)[1]


def encode_row(row: dict[str, Any], examples: list[dict[str, Any]], model: LanguageModel, limit: int) -> Prompt:
    """A row of data/prompts with worked examples in front; a prompt over `limit` tokens loses some of its source.

    They go from the middle of the source, so that the instruction, its start and its ending stay. Raises InputError
    where the source has fewer tokens than would have to go.
    """
    prompt = row["prompt"] if not examples else join_turns(examples, row["instruction"], model)
    text, ids, offsets = encode_prompt(prompt, model)
    if len(ids) <= limit:
        return Prompt(ids, 0)
    start = prompt.rfind(row["instruction"])
    if offsets is not None and text == prompt and start >= 0:
        start += row["instruction"].rfind(row["source"])
        return _remove_tokens(ids, offsets, start, start + len(row["source"]), limit)
    before, _, after = row["instruction"].rpartition(row["source"])
    return shorten_text(
        row["source"], lambda kept: encode_prompt(join_turns(examples, before + kept + after, model), model)[1], limit
    )


def _remove_tokens(ids: list[int], offsets: list[tuple[int, int]], start: int, stop: int, limit: int) -> Prompt:
    """Take tokens out of the middle of the characters from `start` to `stop`."""
    excess = len(ids) - limit
    inside = [
        position for position, (left, right) in enumerate(offsets) if left < right and start <= left and right <= stop
    ]
    if len(inside) < excess:
        raise InputError(too_long(len(ids), len(inside), limit))
    first = inside[(len(inside) - excess) // 2]
    return Prompt(ids[:first] + ids[first + excess :], excess)


def shorten_text(source: str, encode: Callable[[str], list[int]], limit: int) -> Prompt:
    """The ids with as many characters of the source as fit, taken out of its middle.

    For tokenizers that don't say where a token is in the text, and chat templates that change the text.
    """
    whole, least = len(encode(source)), len(encode(""))
    if least > limit:
        raise InputError(too_long(whole, whole - least, limit))
    ids = encode(fitting_text(source, encode, limit))
    return Prompt(ids, whole - len(ids))


def fitting_text(source: str, encode: Callable[[str], list[int]], limit: int) -> str:
    """As many characters of a source's start and end as `encode` gives at most `limit` ids for; by bisection."""

    def shortened(kept: int) -> str:
        head = (kept + 1) // 2
        return source[:head] + source[len(source) - (kept - head) :]

    fits, over = 0, len(source)
    while over - fits > 1:
        middle = (fits + over) // 2
        fits, over = (middle, over) if len(encode(shortened(middle))) <= limit else (fits, middle)
    return shortened(fits)


def shorten_example(example: dict[str, Any], model: LanguageModel, limit: int) -> dict[str, Any]:
    """A worked example whose instruction has at most `limit` tokens; it loses text as a prompt does."""
    before, source, after = example["instruction"].rpartition(example["source"])

    def encode(text: str) -> list[int]:
        return encode_prompt(before + text + after, model)[1]

    if len(encode(source)) <= limit:
        return example
    kept = fitting_text(source, encode, limit)
    return example | {"instruction": before + kept + after, "source": kept}


def too_long(tokens: int, inside: int, limit: int) -> str:
    return (
        f"a prompt has {tokens} tokens and its input only {inside} of them, "
        f"so it cannot be shortened to {limit}: raise tokenize.max_source_tokens or shorten the template"
    )


def fitting_examples(
    rows: list[dict[str, Any]], examples: list[dict[str, Any]], model: LanguageModel, limit: int, positions: int | None
) -> list[dict[str, Any]]:
    """The worked examples, each within the limit of prompts, that fit before every prompt with half of its source.

    Where not one does, it is shortened further. Raises InputError where that does not help.
    """
    examples = [shorten_example(example, model, limit) for example in examples]
    if positions is None or not examples:
        return examples

    def least_kept(chosen: list[dict[str, Any]]) -> float:
        """The smallest share of a source that is left, of those that its prompt has alone."""
        shares = []
        for row in rows:
            bare = encode_row(row, [], model, limit)
            whole = len(encode_prompt(join_turns(chosen, row["instruction"], model), model)[1])
            if (missing := whole - bare.truncated - positions) > 0:
                source = len(encode_prompt(row["source"], model)[1]) - bare.truncated
                shares.append(1 - missing / max(1, source))
        return min(shares, default=1.0)

    shorter = [[shorten_example(examples[0], model, positions // part)] for part in (2, 4, 8)]
    for chosen in (*(examples[:count] for count in range(len(examples), 0, -1)), *shorter):
        if least_kept(chosen) >= 0.5:
            if chosen != examples:
                cut = ", shortened" if chosen in shorter else ""
                print(f"{len(chosen)} of {len(examples)} worked examples{cut}: the model has no positions for more")
            return chosen
    raise InputError(
        f"few_shot: not one worked example fits into the model's {positions} positions beside a prompt: "
        "lower tokenize.max_source_tokens, or leave few_shot out of `methods`"
    )


def encode_with_examples(
    row: dict[str, Any], examples: list[dict[str, Any]], model: LanguageModel, limit: int, positions: int | None = None
) -> list[int]:
    """The ids of a row of data/prompts with worked examples in front.

    The limit is the prompt's own; the examples come on top of it, as far as the model has positions for them.
    """
    bare = encode_row(row, [], model, limit)
    if not examples:
        return bare.ids
    whole = len(encode_prompt(join_turns(examples, row["instruction"], model), model)[1])
    return encode_row(row, examples, model, min(whole - bare.truncated, positions or whole)).ids
