"""How likely a model finds a given text: the choices of a question, and held-out texts."""

import re
from pathlib import Path

from pipeline import template
from pipeline.core import tables
from pipeline.core.errors import InputError
from pipeline.models import families
from pipeline.parameters.model import Model
from pipeline.tokenize import token_ids

Example = dict[str, list[int]]


def answer(prompt: list[int], text: str, tokenizer, model: Model) -> Example:
    """A text as the answer to a prompt, without an end token."""
    start = "" if model.chat else families.separator(model.arch)
    return continued(
        prompt, tokenizer(start + text, add_special_tokens=False, split_special_tokens=True)["input_ids"], model
    )


def prompt_ids(prompt: str, tokenizer, model: Model) -> list[int]:
    """A prompt as a model reads it, in its chat template if it has one."""
    chat = tokenizer if model.chat else None
    instruction = template.defused(prompt, tokenizer) if chat else prompt
    return token_ids(template.assemble([], instruction, chat), tokenizer, model)["input_ids"]


def reading(row: dict[str, str], tokenizer, model: Model, limit: int) -> Example:
    """A held-out text as the answer to its prompt, or without one its second half after its first.

    The latter is the task by which T5 was made a language model (Lester et al., 2021). `limit` is on the tokens of a
    text without a prompt. Refused when it has but one.
    """
    if "prompt" in row:
        return answer(prompt_ids(row["prompt"], tokenizer, model), row["text"], tokenizer, model)
    encoded = tokenizer(row["text"], split_special_tokens=True, return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    inside = [at for at, added in enumerate(special) if not added]
    if len(inside) < 2:
        raise InputError(f"{row['where']}: {row['text']!r} is one token and has no second half")
    text = ids[inside[0] : inside[-1] + 1][:limit]
    middle = len(text) // 2
    after = ids[inside[-1] + 1 :] if model.arch == "seq2seq" else []  # an encoder's own end token
    return continued([*ids[: inside[0]], *text[:middle], *after], text[middle:], model)


def continued(prompt: list[int], ids: list[int], model: Model) -> Example:
    """Labels are all of `ids`; its last stands where an example of training has its end token."""
    return families.example(prompt, ids[:-1], ids[-1], model.arch)


def measured(network, tokenizer, examples: list[Example], batch_size: int, arch: str) -> list[tuple[float, int]]:
    """(log-probability of its labels, how many labels) of each example; batches that do not fit are made smaller."""
    import torch
    from accelerate.utils import find_executable_batch_size

    device = next(network.parameters()).device
    collate = families.collator(tokenizer, network, arch)
    order = sorted(range(len(examples)), key=lambda number: (-len(examples[number]["input_ids"]), number))

    @find_executable_batch_size(starting_batch_size=batch_size)
    def found(size: int) -> dict[int, tuple[float, int]]:
        each = {}
        for start in range(0, len(order), size):
            chunk = order[start : start + size]
            batch = {name: one.to(device) for name, one in collate([examples[number] for number in chunk]).items()}
            with torch.inference_mode():
                sums, counts = families.log_likelihoods(network, batch, arch)
            each |= zip(chunk, zip(sums.tolist(), counts.tolist()))
        return each

    each = found()
    return [each[number] for number in range(len(examples))]


def read_texts(path: Path) -> list[dict[str, str]]:
    """The `text`, and `prompt` if there is one, of JSON Lines, CSV or Parquet, or the paragraphs of a .txt file.

    Each with `where` it stands. Refused names a row without a text, and a file without any.
    """
    if path.suffix.lower() == ".txt":
        paragraphs = re.split(r"\n[^\S\n]*\n", tables.decoded(path).replace("\r\n", "\n"))
        found = [" ".join(paragraph.split()) for paragraph in paragraphs]
        texts = [{"where": f"{path} paragraph {number}", "text": text} for number, text in enumerate(found, 1) if text]
    else:
        texts = []
        for where, row in tables.rows(path):
            if not isinstance(row.get("text"), str) or not row["text"].strip():
                raise InputError(f"{where}: 'text': expected a text, found {row.get('text')!r}")
            texts.append({"where": where, "text": row["text"].strip()})
            if row.get("prompt") not in (None, ""):
                if not isinstance(row["prompt"], str):
                    raise InputError(f"{where}: 'prompt': expected a text, found {row['prompt']!r}")
                texts[-1]["prompt"] = row["prompt"]
    if not texts:
        raise InputError(f"{path}: no texts")
    return texts
