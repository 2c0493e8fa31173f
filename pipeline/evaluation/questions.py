"""The forgetting measurement's files: questions with answers, and held-out texts; and what a correct answer is."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import shown
from pipeline.tables.content import read_text
from pipeline.tables.rows import rows
from pipeline.tables.values import is_encodable, is_missing, is_nonempty_text, parse_id, written_list

FIELDS = ("id", "task", "prompt", "answer")

# How an answer is taken from a model: as it writes it, as the likeliest of the question's choices, and as the choice
# that is likeliest per character.
READINGS = ("written", "by_choice", "by_choice_norm")


def read_questions(path: Path, per_task: int | None) -> list[dict[str, Any]]:
    """The first `per_task` questions of each task (null: all), with `choices` where they are given.

    Raises InputError with the first row that is not a question.
    """
    questions: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    ids: set[str] = set()
    for where, row in rows(path):
        question = {field: _field(row, field, where) for field in FIELDS}
        if question["id"] in ids:
            raise InputError(f"{where}: 'id': {shown(question['id'])} occurs twice")
        if question["task"] == "mean":
            raise InputError(f"{where}: 'task': 'mean' is the name of the tasks' mean; choose another")
        ids.add(question["id"])
        choices = _choices(row.get("choices"), where)
        if choices is not None:
            check_choices(where, choices, question["answer"])
        counts[question["task"]] = counts.get(question["task"], 0) + 1
        if per_task is None or counts[question["task"]] <= per_task:
            questions.append(question | ({"choices": choices} if choices else {}))
    return questions


def _field(row: dict[str, Any], field: str, where: str) -> str:
    """A field's text; ids and answers may be whole numbers."""
    value = row.get(field)
    if field in ("id", "answer") and not isinstance(value, str) and not is_missing(value):
        return parse_id(value, f"{field!r}", where)
    if not isinstance(value, str) or not is_nonempty_text(value):
        raise InputError(f"{where}: {field!r}: expected a text, found {shown(value)}")
    return value


def _choices(value: object, where: str) -> object:
    """The choices of a question; None where there are none. CSV holds them as JSON."""
    if is_missing(value) or value == "":
        return None
    return (written_list(value, f"{where}: 'choices'") or value) if isinstance(value, str) else value


def check_choices(where: str, choices: object, answer: str) -> None:
    """Raise InputError unless these are two different texts or more, one of them the answer."""
    texts = choices if isinstance(choices, list) else []
    valid = bool(texts) and all(map(is_nonempty_text, texts))
    if not valid or len({normalize_answer(one) for one in texts}) < max(2, len(texts)):
        raise InputError(f"{where}: 'choices': expected two different texts or more, found {shown(choices)}")
    if answer not in texts:
        raise InputError(f"{where}: 'answer': {shown(answer)} is none of the choices {shown(choices)}")


def exact_match(given: str, question: dict[str, Any]) -> bool:
    """Whether an answer is the expected one; case, outer spaces and a final full stop do not count."""
    return normalize_answer(given) == normalize_answer(question["answer"])


def normalize_answer(text: str) -> str:
    return text.strip().removesuffix(".").lower()


def likeliest_choices(choices: list[str], log_likelihoods: list[float]) -> dict[str, str]:
    """The choice of the highest log-likelihood, and that of the highest per character; of equals the first.

    They are `acc` and `acc_norm` of the Language Model Evaluation Harness, which counts the characters of the choice
    alone, without the space before it.
    """
    per_character = [total / len(choice) for total, choice in zip(log_likelihoods, choices)]
    return {
        "by_choice": choices[log_likelihoods.index(max(log_likelihoods))],
        "by_choice_norm": choices[per_character.index(max(per_character))],
    }


def accuracy_by_task(answered: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Reading -> task -> the share of correct answers, and `mean` over the tasks; without readings of no question."""
    rows = {reading: [row for row in answered if reading in row["correct"]] for reading in READINGS}
    return {
        reading: shares_by_task([row["task"] for row in of_reading], [row["correct"][reading] for row in of_reading])
        for reading, of_reading in rows.items()
        if of_reading
    }


def shares_by_task(tasks: list[str], values: Sequence[float]) -> dict[str, float]:
    """The mean value of each task, and `mean` over the tasks; tasks[i] is that of values[i]."""
    by_task: dict[str, list[float]] = {}
    for task, value in zip(tasks, values):
        by_task.setdefault(task, []).append(value)
    shares = {task: sum(of_task) / len(of_task) for task, of_task in by_task.items()}
    return {**shares, "mean": sum(shares.values()) / len(shares)}


def chance_by_task(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """What answers without a look at the question get right, by task.

    most_frequent: a task's most frequent answer, always given. random_choice: a choice at random, where every question
    has choices.
    """
    tasks = [row["task"] for row in rows]
    answers: dict[str, Counter[str]] = {}
    for row in rows:
        answers.setdefault(row["task"], Counter())[normalize_answer(row["answer"])] += 1
    most_frequent = {task: max(counts.values()) / counts.total() for task, counts in answers.items()}
    chance = {"most_frequent": shares_by_task(tasks, [most_frequent[task] for task in tasks])}
    if all("choices" in row for row in rows):
        chance["random_choice"] = shares_by_task(tasks, [1 / len(row["choices"]) for row in rows])
    return chance


def read_texts(path: Path) -> list[dict[str, str]]:
    """The `text`, and `prompt` if there is one, of each row of a table, or the paragraphs of a .txt file.

    Each with `where` it is. Raises InputError with a row without a text, and for a file without any.
    """
    texts = _paragraphs(path) if path.suffix.lower() == ".txt" else _text_rows(path)
    if not texts:
        raise InputError(f"{path}: no texts")
    return texts


def _paragraphs(path: Path) -> list[dict[str, str]]:
    paragraphs = re.split(r"\n[^\S\n]*\n", read_text(path).replace("\r\n", "\n").replace("\r", "\n"))
    texts = [" ".join(paragraph.split()) for paragraph in paragraphs]
    return [{"where": f"{path} paragraph {number}", "text": text} for number, text in enumerate(texts, 1) if text]


def _text_rows(path: Path) -> list[dict[str, str]]:
    texts = []
    for where, row in rows(path):
        if not is_nonempty_text(row.get("text")):
            raise InputError(f"{where}: 'text': expected a text, found {shown(row.get('text'))}")
        text = {"where": where, "text": row["text"].strip()}
        prompt = row.get("prompt")
        if not is_missing(prompt) and prompt != "":
            if not isinstance(prompt, str) or not is_encodable(prompt):
                raise InputError(f"{where}: 'prompt': expected a text, found {shown(prompt)}")
            text["prompt"] = prompt
        texts.append(text)
    return texts
