"""A prompt and its completion for a record, in one of the template's phrasings."""

import random
from pathlib import Path
from typing import Any

from pipeline.core import files, templates
from pipeline.core.errors import InputError
from pipeline.models import architectures
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.loading import load_text_encoder
from pipeline.models.prompts import escape_control_tokens, prompt_row
from pipeline.parameters.model import Model
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template


def prompt_encoder(base: Path, model: Model, template: Template) -> LanguageModel:
    """What `make_prompt` needs of the base model: of a chat model its tokenizer, of others no file at all."""
    if not model.chat:  # importing a tokenizer takes seconds
        return architectures.find(model.architecture)(None, None)
    with files.explain_damage(base):
        return load_text_encoder(base, model.architecture, chat_settings(model, template))


def make_prompt(
    record: dict[str, Any], task: Task, template: Template, seed: int, model: LanguageModel
) -> dict[str, Any]:
    """A record with `instruction` (the phrasing filled in), `prompt` (what the model reads) and `completion`.

    The completion is the first reference. `source` is the part that may be shortened.
    """
    if model.chat:
        record = record | {field: escape_control_tokens(record[field], model) for field in task.fields}
    instruction = fill_template(template, task, record, seed)
    row = prompt_row(record["id"], instruction, record["references"][0], record[task.source], model)
    row |= {"references": record["references"]}
    return row | ({"choices": record["choices"]} if "choices" in record else {})


def fill_template(template: Template, task: Task, record: dict[str, Any], seed: int) -> str:
    """One of the template's phrasings, drawn by seed and record id, filled in with the record's fields.

    Raises InputError, with the phrasing's number, where it cannot be filled in or lacks the source.
    """
    number = random.Random(f"{seed} {record['id']}").randrange(len(template.prompts))
    where = f"template.prompts[{number}] of template={template.name}"
    try:
        text = templates.fill(
            template.prompts[number], {field: record[field] for field in ("id", *task.fields)}
        ).strip()
    except templates.TemplateFailure as error:
        raise InputError(f"{where}: {error}") from None
    if record[task.source] not in text:  # an over-long prompt is shortened there
        needed = f"{{{{ {task.source} }}}}"
        raise InputError(f"{where}: the prompt does not hold the {task.source}; it needs {needed} as it is")
    return text
