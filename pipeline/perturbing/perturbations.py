"""What each perturbation makes of a record: its input alone, or everything where the meaning changes with it."""

import random
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.core.errors import InputError
from pipeline.evaluation.entities import Entities, find_entities
from pipeline.evaluation.words import ENGLISH
from pipeline.parameters.metrics import ENGLISH_ONLY, Metrics
from pipeline.parameters.task import Task
from pipeline.perturbing import fairness, robustness

Record = dict[str, Any]
Rewrite = Callable[[str], str]
# Of the input alone: its references stay right.
OF_THE_INPUT: dict[str, Callable[..., str]] = {
    "typos": robustness.typos,
    "lower_case": robustness.lower_case,
    "fillers": robustness.fillers,
    "contractions": robustness.contractions,
}


def perturbed(name: str, records: list[Record], task: Task, metrics: Metrics, language: str, seed: int) -> list[Record]:
    """The records that a perturbation changes, changed; drawn by the seed and each record's id.

    Only the first `metrics.examples` are taken. Raises InputError where the perturbation is of another language than
    the texts, or changes no record.
    """
    if name in ENGLISH_ONLY and language != ENGLISH:
        raise InputError(
            f"metrics.perturbations.{name}: of English texts, and score.language is {language}: leave it out"
        )
    settings = metrics.perturbations[name]  # type: ignore[index]
    entities = find_entities((text for record in records for text in texts_of(record, task)), language)
    found = []
    for record in records[: metrics.examples]:
        rng = random.Random(f"{seed} {name} {record['id']}")
        changed = perturb(name, record, task, entities, dict(settings), rng)
        if changed[task.source] != record[task.source]:
            found.append(changed)
    if not found:
        raise InputError(f"metrics.perturbations.{name}: changes none of the test inputs: leave it out")
    return found


def perturb(
    name: str, record: Record, task: Task, entities: Entities, settings: dict[str, Any], rng: random.Random
) -> Record:
    """One record, changed where there is something to change; settings: those of the perturbation."""
    if name in OF_THE_INPUT:
        return record | {task.source: OF_THE_INPUT[name](record[task.source], rng, **settings)}
    texts = list(texts_of(record, task))
    if name == "speakers":
        return rewrite(record, task, robustness.speaker_exchange(record[task.source]))
    if name == "names":
        return rewrite(record, task, fairness.other_names(texts, entities, rng, **settings))
    return rewrite(record, task, fairness.other_genders(texts, entities, rng))


def texts_of(record: Record, task: Task) -> Iterable[str]:
    """The fields of a record, its references and choices."""
    return (*(record[field] for field in task.fields), *record["references"], *record.get("choices", ()))


def rewrite(record: Record, task: Task, change: Rewrite) -> Record:
    """The record with every text changed."""
    fields = {field: change(record[field]) for field in task.fields}
    lists = {key: [change(text) for text in record[key]] for key in ("references", "choices") if key in record}
    return record | fields | lists
