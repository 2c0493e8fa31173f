"""Input ids and labels of every training and validation example, and how much the limits cut off.

    python -m pipeline.tokenize

A prompt over its limit loses tokens from the middle of its dialogue only: the instruction and the ending stay.
"""

import statistics
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.shapes import Prompt
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.loading import load_text_encoder
from pipeline.models.prompts import tokenize_completion, truncate_prompt
from pipeline.parameters.model import Model
from pipeline.parameters.tokenize import Tokenize


def run(paths: Paths, *, tokenize: Tokenize, model: Model) -> None:
    with files.explain_damage(paths.base_model):
        encoder = load_text_encoder(paths.base_model, model.architecture, model.chat)
    card = {}
    for split in SPLITS:
        rows = files.read_jsonl(paths.prompts(split), Prompt)
        examples = [encode_row(row, encoder, tokenize.max_source_tokens, tokenize.max_target_tokens) for row in rows]
        card[split] = summarize(examples)
        print(f"{split}: {card[split]}")
        if split != "test":  # test prompts are encoded by `generate`, with worked examples in front
            kept = [{key: example[key] for key in ("id", "input_ids", "labels")} for example in examples]
            files.write_parquet(paths.tokens(split), kept)
    files.write_json(paths.token_card, card)


def encode_row(row: dict[str, Any], model: LanguageModel, source_limit: int, target_limit: int) -> dict[str, Any]:
    """One example: id, input_ids, labels, and how many tokens the limits cut from source and target."""
    source, source_cut = truncate_prompt(row["prompt"], row["dialogue"], model, source_limit)
    target = tokenize_completion(row["completion"], model)
    room = target_limit - 1  # the end token takes one
    return {
        "id": row["id"],
        **model.encode_example(source, target[:room], model.tokenizer.eos_token_id),
        "source_cut": source_cut,
        "target_cut": max(0, len(target) - room),
    }


def summarize(examples: list[dict[str, Any]]) -> dict[str, float]:
    """Lengths and truncation of one split."""
    lengths = sorted(len(example["input_ids"]) for example in examples)
    return {
        "examples": len(examples),
        "mean input tokens": round(statistics.fmean(lengths), 1),
        "longest input tokens": lengths[-1],
        "prompts truncated": sum(example["source_cut"] > 0 for example in examples),
        "prompt tokens truncated": sum(example["source_cut"] for example in examples),
        "targets truncated": sum(example["target_cut"] > 0 for example in examples),
        "target tokens truncated": sum(example["target_cut"] for example in examples),
    }


if __name__ == "__main__":
    run_stage(run)
