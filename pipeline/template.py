"""A prompt and its completion for every record, from the template library in conf/template/.

    python -m pipeline.template

Each split is written as JSON Lines for the next stage and as plain text for reading. Templates are Jinja2 in a sandbox
with limits on time and size. Where a template has several phrasings, each example draws one by the seed.
"""

import random
from typing import Any

from pipeline.core import files, shapes, templates
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import SPLITS, Paths
from pipeline.models import architectures
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.loading import load_text_encoder
from pipeline.models.prompts import escape_control_tokens, prompt_row
from pipeline.parameters.model import Model
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.types import Seed


def run(paths: Paths, *, seed: Seed, task: Task, template: Template, model: Model) -> None:
    if model.chat:
        with files.explain_damage(paths.base_model):
            encoder = load_text_encoder(paths.base_model, model.architecture, chat_settings(model, template))
    else:  # without a chat template no tokenizer is needed, and importing one takes seconds
        encoder = architectures.find(model.architecture)(None, None)
    for split in SPLITS:
        records = files.read_jsonl(paths.records(split), shapes.record(*task.fields))
        rows = [make_prompt(record, task, template, seed, encoder) for record in records]
        files.write_jsonl(paths.prompts(split), rows)
        texts = [f"==== {row['id']} ====\n{row['prompt']}\n---- completion ----\n{row['completion']}\n" for row in rows]
        paths.readable_prompts(split).parent.mkdir(parents=True, exist_ok=True)
        paths.readable_prompts(split).write_text("\n".join(texts), encoding="utf-8")
    print(f"{template.name}: {len(template.prompts)} phrasing(s); the first prompt of test:\n\n{rows[0]['prompt']}")


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


if __name__ == "__main__":
    run_stage(run)
