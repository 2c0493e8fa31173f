"""The forgetting measurement's files: questions with answers, and held-out texts; and what a correct answer is."""

import re
from pathlib import Path
from typing import Any

from pipeline.core import tables
from pipeline.core.errors import InputError

FIELDS = ("id", "task", "prompt", "answer")


def read_questions(path: Path, per_task: int | None) -> list[dict[str, Any]]:
    """The first `per_task` questions of each task (null: all), with `choices` where they are given.

    Raises InputError with the first row that is not a question.
    """
    rows: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    ids: set[str] = set()
    for where, row in tables.rows(path):
        for field in FIELDS:
            if not isinstance(row.get(field), str) or not row[field].strip():
                raise InputError(f"{where}: {field!r}: expected a text, found {row.get(field)!r}")
        if row["id"] in ids:
            raise InputError(f"{where}: 'id': {row['id']!r} occurs twice")
        if row["task"] == "mean":
            raise InputError(f"{where}: 'task': 'mean' is the name of the tasks' mean; choose another")
        ids.add(row["id"])
        choices = row.get("choices")
        if choices is not None:
            check_choices(where, choices, row["answer"])
        counts[row["task"]] = counts.get(row["task"], 0) + 1
        if per_task is None or counts[row["task"]] <= per_task:
            rows.append({field: row[field] for field in FIELDS} | ({"choices": choices} if choices else {}))
    return rows


def check_choices(where: str, choices: object, answer: str) -> None:
    """Raise InputError unless these are two different texts or more, one of them the answer."""
    texts = choices if isinstance(choices, list) else []
    valid = bool(texts) and all(isinstance(one, str) and one.strip() for one in texts)
    if not valid or len({normalize_answer(one) for one in texts}) < max(2, len(texts)):
        raise InputError(f"{where}: 'choices': expected two different texts or more, found {choices!r}")
    if answer not in texts:
        raise InputError(f"{where}: 'answer': {answer!r} is none of the choices {choices!r}")


def exact_match(given: str, question: dict[str, Any]) -> bool:
    """Whether an answer is the expected one; case, outer spaces and a final full stop do not count."""
    return normalize_answer(given) == normalize_answer(question["answer"])


def normalize_answer(text: str) -> str:
    return text.strip().removesuffix(".").lower()


def accuracy_by_task(answered: list[dict[str, Any]]) -> dict[str, float]:
    """The share of correct answers of each task, and `mean` over the tasks."""
    correct: dict[str, list[bool]] = {}
    for row in answered:
        correct.setdefault(row["task"], []).append(row["correct"])
    shares = {task: sum(hits) / len(hits) for task, hits in correct.items()}
    return {**shares, "mean": sum(shares.values()) / len(shares)}


def read_texts(path: Path) -> list[dict[str, str]]:
    """The `text`, and `prompt` if there is one, of each row of a table, or the paragraphs of a .txt file.

    Each with `where` it is. Raises InputError with a row without a text, and for a file without any.
    """
    texts = _paragraphs(path) if path.suffix.lower() == ".txt" else _text_rows(path)
    if not texts:
        raise InputError(f"{path}: no texts")
    return texts


def _paragraphs(path: Path) -> list[dict[str, str]]:
    paragraphs = re.split(r"\n[^\S\n]*\n", tables.read_text(path).replace("\r\n", "\n"))
    texts = [" ".join(paragraph.split()) for paragraph in paragraphs]
    return [{"where": f"{path} paragraph {number}", "text": text} for number, text in enumerate(texts, 1) if text]


def _text_rows(path: Path) -> list[dict[str, str]]:
    texts = []
    for where, row in tables.rows(path):
        if not isinstance(row.get("text"), str) or not row["text"].strip():
            raise InputError(f"{where}: 'text': expected a text, found {row.get('text')!r}")
        text = {"where": where, "text": row["text"].strip()}
        if row.get("prompt") not in (None, ""):
            if not isinstance(row["prompt"], str):
                raise InputError(f"{where}: 'prompt': expected a text, found {row['prompt']!r}")
            text["prompt"] = row["prompt"]
        texts.append(text)
    return texts
