"""What a method trained, ready to write, and the prompts that it reads."""

from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.shapes import Demonstration
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import Chat
from pipeline.models.devices import to_device
from pipeline.models.prompts import encode_with_examples, fitting_examples
from pipeline.models.tuned import DEMONSTRATIONS, load_tuned


def load_on_device(base: Path, folder: Path, architecture: str, chat: Chat | None, merge: bool) -> LanguageModel:
    """What a method left in `folder`, on the best device."""
    tuned = load_tuned(base, folder, architecture, chat, merge)
    tuned.network = to_device(tuned.network)
    return tuned


def worked_examples(folder: Path) -> list[dict[str, Any]]:
    """The examples that the method of this folder puts into every prompt."""
    path = folder / DEMONSTRATIONS
    return files.read_jsonl(path, Demonstration, may_be_empty=True) if path.exists() else []


def encode_prompts(
    rows: list[dict[str, Any]],
    examples: list[dict[str, Any]],
    model: LanguageModel,
    limit: int,
    positions: int | None,
) -> list[list[int]]:
    """The ids of rows of data/prompts, with as many of the worked examples in front as fit."""
    examples = fitting_examples(rows, examples, model, limit, positions)
    return [encode_with_examples(row, examples, model, limit, positions) for row in rows]
