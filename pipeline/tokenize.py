"""Input ids and labels of every training and validation example, and how much the limits cut off.

    python -m pipeline.tokenize data/prompts models/base data/tokens reports/tokens.json

A prompt over its limit loses tokens from the middle of its dialogue alone: the instruction and the ending stay.
"""

import statistics
from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.core.paths import SPLITS
from pipeline.models import families
from pipeline.parameters.model import Model


@section
class Tokenize:
    max_source_tokens: Annotated[int, Field(ge=16)]
    max_target_tokens: Annotated[int, Field(ge=2)]


def run(prompts: Path, base: Path, output: Path, card: Path, *, tokenize: Tokenize, model: Model):
    tokenizer = families.load_tokenizer(base)
    report = {}
    for split in SPLITS:
        rows = files.read_jsonl(prompts / f"{split}.jsonl")
        encoded = [encode(row, tokenizer, model, tokenize) for row in rows]
        report[split] = summary(encoded)
        print(f"{split}: {report[split]}")
        if split != "test":  # test prompts are encoded where they are answered, few-shot examples in front
            files.write_tokens(output / f"{split}.parquet", encoded)
    files.write_json(card, report)


def encode(row: dict, tokenizer, model: Model, limits: Tokenize) -> dict:
    """One example: id, input_ids, labels, and how many tokens the limits took from source and target."""
    source, source_cut = encode_prompt(row["prompt"], row["dialogue"], tokenizer, model, limits.max_source_tokens)
    target = tokenizer(row["completion"], add_special_tokens=False, split_special_tokens=True)["input_ids"]
    room = limits.max_target_tokens - 1  # the end token takes one
    return {
        "id": row["id"],
        **families.example(source, target[:room], tokenizer.eos_token_id, model.arch),
        "source_cut": source_cut,
        "target_cut": max(0, len(target) - room),
    }


def encode_prompt(prompt: str, dialogue: str, tokenizer, model: Model, limit: int) -> tuple[list[int], int]:
    """Ids of a prompt, at most `limit` of them, and how many were cut out of the middle of its last dialogue."""
    encoded = token_ids(prompt, tokenizer, model)
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
            f"so it can't be cut to {limit}: raise tokenize.max_source_tokens or shorten the template"
        )
    first = inside[(len(inside) - excess) // 2]
    return ids[:first] + ids[first + excess :], excess


def token_ids(prompt: str, tokenizer, model: Model) -> dict:
    """A prompt's input_ids and offset_mapping. Only a chat template writes special tokens in text; others mean none."""
    plain = not model.chat
    return tokenizer(prompt, add_special_tokens=plain, split_special_tokens=plain, return_offsets_mapping=True)


def summary(encoded: list[dict]) -> dict:
    """Lengths and truncation of one split."""
    lengths = sorted(len(row["input_ids"]) for row in encoded)
    return {
        "examples": len(encoded),
        "mean input tokens": round(statistics.fmean(lengths), 1),
        "longest input tokens": lengths[-1],
        "prompts cut": sum(row["source_cut"] > 0 for row in encoded),
        "prompt tokens cut": sum(row["source_cut"] for row in encoded),
        "targets cut": sum(row["target_cut"] > 0 for row in encoded),
        "target tokens cut": sum(row["target_cut"] for row in encoded),
    }


if __name__ == "__main__":
    run_stage(run)
