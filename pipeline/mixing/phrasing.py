"""An example of a further task as instruction and completion, in one of the task's phrasings."""

import random
from typing import Any, NamedTuple

from pipeline.core import templates
from pipeline.core.errors import InputError
from pipeline.parameters.mixture import FurtherTask, Inverted


class Phrased(NamedTuple):
    """number: of the phrasing. source: the field that may be shortened, as the instruction has it; else all of it."""

    number: int
    instruction: str
    completion: str
    source: str


class Drawn(NamedTuple):
    """A phrasing before it is filled in: its template, and the fields that it may use."""

    number: int
    template: str
    shown: dict[str, str]
    completion: str


def phrase(name: str, task: FurtherTask, records: list[dict[str, Any]], seed: int) -> list[Phrased]:
    """The records, each in the phrasing that the seed draws for it.

    Raises InputError, with the phrasing's number, where one cannot be filled in.
    """
    drawn = [_draw(name, task, record, seed) for record in records]
    try:
        texts = templates.fill_many([(one.template, one.shown) for one in drawn])
    except templates.TemplateFailure:
        texts = [_fill(name, one) for one in drawn]
    return [_phrased(one, text.strip(), task.source) for one, text in zip(drawn, texts)]


def _draw(name: str, task: FurtherTask, record: dict[str, Any], seed: int) -> Drawn:
    number = random.Random(f"{seed} {name} {record['id']}").randrange(len(task.prompts))
    chosen, target = task.prompts[number], record["references"][0]
    fields = {field: record[field] for field in task.fields}
    if not isinstance(chosen, Inverted):
        return Drawn(number, chosen, fields, target)
    if chosen.output not in fields:
        where = f"mixture.tasks.{name}.prompts[{number}]"
        raise InputError(f"{where}: output: {chosen.output!r} is none of the fields {', '.join(fields)}")
    completion = fields.pop(chosen.output)
    return Drawn(number, chosen.prompt, fields | {task.target: target}, completion)


def _fill(name: str, drawn: Drawn) -> str:
    try:
        return templates.fill(drawn.template, drawn.shown)
    except templates.TemplateFailure as error:
        raise InputError(f"mixture.tasks.{name}.prompts[{drawn.number}]: {error}") from None


def _phrased(drawn: Drawn, text: str, source: str) -> Phrased:
    """Without the task's source in the text, its longest field is what may be shortened."""
    held = [value for value in drawn.shown.values() if value in text]
    longest = max(held, key=len, default=text)
    return Phrased(
        drawn.number, text, drawn.completion, drawn.shown[source] if drawn.shown.get(source) in held else longest
    )
