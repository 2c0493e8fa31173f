"""The training prompts: the task's own, and a share of further tasks (multi-task instruction fine-tuning).

    python -m pipeline.mix

How many examples of each task: T5's rule (pipeline/mixing/rates.py). Which ones: drawn by the seed, none twice unless
mixture.repeat, and none that is much like a dialogue of validation or test or like a question of the forgetting
measurement. The file is readable and in a fixed order; training shuffles it. Validation holds the task's own alone.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.json_lines import JsonLines
from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.core.shapes import Prompt, record
from pipeline.evaluation.questions import read_questions
from pipeline.mixing.overlap import MeasuredTexts
from pipeline.mixing.phrasing import phrase
from pipeline.mixing.rates import allocate, draw_order
from pipeline.models import architectures
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.loading import load_text_encoder
from pipeline.models.prompts import escape_control_tokens, prompt_row
from pipeline.parameters.data import Data
from pipeline.parameters.forgetting import Forgetting
from pipeline.parameters.mixture import FurtherTask, Mixture
from pipeline.parameters.model import Model
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.types import Seed

AT_A_TIME = 100  # examples whose templates are filled in together
Counts = dict[str, Any]


def run(
    paths: Paths,
    *,
    seed: Seed,
    mixture: Mixture,
    task: Task,
    template: Template,
    model: Model,
    data: Data,
    forgetting: Forgetting,
) -> None:
    own = JsonLines(paths.prompts("train"), Prompt)
    card: Counts = {"own": len(own), "tasks": {}}
    check_held_out(mixture)
    total = further_examples(len(own), mixture)
    encoder = load_encoder(paths, model, template) if total else None
    further = mixture.tasks if total else {}
    sources = {name: JsonLines(paths.further_records(name), record(*one.fields)) for name, one in further.items()}
    sizes, caps = {name: len(source) for name, source in sources.items()}, caps_of(mixture)
    given = allocate(total, sizes, caps, mixture.temperature, mixture.repeat) if total else {}
    measured = MeasuredTexts(measured_texts(paths, task, forgetting)) if total else MeasuredTexts(())

    def mixed() -> Iterator[dict[str, Any]]:
        yield from progress(own, len(own), "mix the task's own")
        for name, count in given.items():
            counts = {"has": sizes[name], "asked": count, "like what is measured": 0}
            phrasings: Counter[int] = Counter()
            drawn = choose(name, sources[name], count, mixture, data.near_duplicate, measured, seed, counts)
            for row, number in mixed_rows(
                name, mixture.tasks[name], progress(drawn, count, f"mix {name}"), seed, encoder
            ):
                phrasings[number] += 1
                yield row
            each = [phrasings[number] for number in range(len(mixture.tasks[name].prompts))]
            card["tasks"][name] = counts | {"gave": sum(each), "phrasings": each}

    files.write_jsonl(paths.mixed_prompts, mixed())
    for source in (own, *sources.values()):
        source.close()
    files.write_json(paths.mixture_card, card)
    listed = ", ".join(f"{counts['gave']:,} of {name}" for name, counts in card["tasks"].items())
    print(f"{paths.mixed_prompts}: {len(own):,} of the task's own{f', {listed}' if listed else ''}")


def check_held_out(mixture: Mixture) -> None:
    """Raise InputError for a task that is mixed in and kept for measuring."""
    if both := [name for name in mixture.tasks if name in mixture.held_out]:
        raise InputError(f"mixture.tasks: {both[0]!r} is in mixture.held_out, the tasks that are kept for measuring")
    if mixture.share and not mixture.tasks:
        raise InputError("mixture.share: there are no mixture.tasks to take examples from (-S mixture=calls has some)")


def further_examples(own: int, mixture: Mixture) -> int:
    """How many examples of further tasks make their share beside so many of the task's own."""
    return round(own * mixture.share / (1 - mixture.share))


def caps_of(mixture: Mixture) -> dict[str, int]:
    """Task -> the most of its examples that count."""
    return {name: task.cap or mixture.cap for name, task in mixture.tasks.items()}


def load_encoder(paths: Paths, model: Model, template: Template) -> LanguageModel:
    """What knows the model's turns and control tokens; a model without a chat template needs no tokenizer for it."""
    if not model.chat:
        return architectures.find(model.architecture)(None, None)
    with files.explain_damage(paths.base_model):
        return load_text_encoder(paths.base_model, model.architecture, chat_settings(model, template))


def measured_texts(paths: Paths, task: Task, forgetting: Forgetting) -> Iterator[str]:
    """The inputs of validation and test, and the questions of the forgetting measurement."""
    for split in ("validation", "test"):
        for row in files.iterate_jsonl(paths.records(split), record(*task.fields)):
            yield "\n".join(row[field] for field in task.fields)
    questions = paths.root / Path(forgetting.questions)
    with files.explain_damaged_input(questions):
        yield from (question["prompt"] for question in read_questions(questions, None))


def choose(
    name: str,
    source: JsonLines,
    count: int,
    mixture: Mixture,
    near_duplicate: float,
    measured: MeasuredTexts,
    seed: int,
    counts: Counts,
) -> Iterator[dict[str, Any]]:
    """`count` records of a task, those left out that are much like what is measured; fewer where it has no more."""
    fields = mixture.tasks[name].fields
    left_out: set[int] = set()
    chosen: list[int] = []
    for position, number in enumerate(draw_order(name, len(source), seed)):
        again = position >= len(source)
        if len(chosen) == count or (again and not mixture.repeat) or len(left_out) == len(source):
            break
        if number in left_out:
            continue
        row = source[number]
        if measured.similarity("\n".join(row[field] for field in fields)) >= near_duplicate:
            left_out.add(number)
            continue
        chosen.append(number)
    counts["like what is measured"] = len(left_out)
    return (source[number] for number in sorted(chosen))


def mixed_rows(
    name: str, task: FurtherTask, records: Iterable[dict[str, Any]], seed: int, model: LanguageModel | None
) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows of the mixed prompts, each with the number of its phrasing; some at a time, for speed."""
    assert model is not None
    left = iter(records)
    while some := list(itertools.islice(left, AT_A_TIME)):
        if model.chat:
            some = [row | {field: escape_control_tokens(row[field], model) for field in task.fields} for row in some]
        for given, phrased in zip(some, phrase(name, task, some, seed)):
            row = prompt_row(f"{name}/{given['id']}", phrased.instruction, phrased.completion, phrased.source, model)
            yield row | {"references": [phrased.completion], "task": name}, phrased.number


if __name__ == "__main__":
    run_stage(run)
