"""Count what held-out calls share with train: verbatim texts, summaries alike but for names, near-duplicates.

python -m support_calls.overlap
"""

import json
import re
from typing import Any

from pipeline.core import files
from pipeline.core.paths import SPLITS, Paths
from pipeline.evaluation import near_duplicates

NEAR = 0.6  # Jaccard similarity of two calls' word trigrams, names and numbers masked


def overlap(train: list[dict[str, Any]], held_out: list[dict[str, Any]]) -> dict[str, int]:
    """How many rows of `held_out` share something with `train`; rows as support_calls.write writes them."""
    dialogues = {row["dialogue"] for row in train}
    summaries = {text for row in train for text in references(row)}
    masked = {mask(text) for text in summaries}
    return {
        "dialogues": len(held_out),
        "verbatim_dialogues": sum(row["dialogue"] in dialogues for row in held_out),
        "verbatim_summaries": sum(any(text in summaries for text in references(row)) for row in held_out),
        "summaries_alike_but_for_names": sum(any(mask(text) in masked for text in references(row)) for row in held_out),
        "near_duplicates": len(near_duplicates.nearest(nameless(train), nameless(held_out), ["dialogue"], NEAR)),
    }


def references(row: dict[str, Any]) -> list[str]:
    """The references of a row."""
    return [row[key] for key in row if key.startswith("summary")]


def mask(text: str) -> str:
    """The text with names and numbers made alike."""
    return re.sub(r"\d+", "0", re.sub(r"(?<![.!?:] )(?<!^)\b[A-Z][a-z]+\b|^[A-Z][a-z]+", "X", text))


def nameless(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows' dialogues, names and numbers masked."""
    return [{"id": str(number), "dialogue": mask(row["dialogue"])} for number, row in enumerate(rows)]


def main() -> None:
    rows = {split: files.read_jsonl(Paths().support_calls(split)) for split in SPLITS}
    counts = {split: overlap(rows["train"], rows[split]) for split in ("validation", "test")}
    print(json.dumps(counts, indent=2))


if __name__ == "__main__":
    main()
