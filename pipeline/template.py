"""A prompt and its completion for every record, from the template library in conf/template/.

    python -m pipeline.template data/records models/base data/prompts

Each split comes as JSON Lines for the next stage and as plain text for a person.
Templates are Jinja2 in a sandbox. Where a template has several phrasings, each dialogue draws one, seeded.
"""

import random
from pathlib import Path
from typing import Annotated

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import Field

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.core.paths import SPLITS
from pipeline.models import families
from pipeline.parameters.model import Model
from pipeline.parameters.types import Seed

FIELDS = ("id", "dialogue")  # what a template may use


@section
class Template:
    name: str
    prompts: Annotated[list[str], Field(min_length=1)]


def run(source: Path, base: Path, output: Path, *, seed: Seed, template: Template, model: Model):
    tokenizer = families.load_tokenizer(base) if model.chat else None
    for split in SPLITS:
        read = files.read_jsonl(source / f"{split}.jsonl")
        rows = [prompt(record, template, seed, tokenizer, model.arch) for record in read]
        files.write_jsonl(output / f"{split}.jsonl", rows)
        shown = [f"==== {row['id']} ====\n{row['prompt']}\n---- completion ----\n{row['completion']}\n" for row in rows]
        (output / f"{split}.txt").write_text("\n".join(shown), encoding="utf-8")
    print(f"{template.name}: {len(template.prompts)} phrasing(s); the first prompt of test:\n\n{rows[0]['prompt']}")


def prompt(record: dict, template: Template, seed: int, tokenizer, arch: str) -> dict:
    """A record with `instruction` (the phrasing filled in), `prompt` (what the model reads) and `completion`.

    The completion is the first reference. With a `tokenizer` the prompt wears its chat template.
    """
    if tokenizer:
        record = record | {"dialogue": defused(record["dialogue"], tokenizer)}
    instruction = render(template, record, seed)
    start = "" if tokenizer else families.separator(arch)
    return {
        "id": record["id"],
        "instruction": instruction,
        "prompt": assemble([], instruction, tokenizer),
        "completion": start + record["references"][0],
        "dialogue": record["dialogue"],
        "references": record["references"],
    }


def render(template: Template, record: dict, seed: int) -> str:
    """One of the template's phrasings, drawn by seed and record id, filled in with the record's fields."""
    number = random.Random(f"{seed} {record['id']}").randrange(len(template.prompts))
    where = f"template.prompts[{number}] of template={template.name}"
    environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
    try:
        filled = environment.from_string(template.prompts[number])
        text = filled.render({field: record[field] for field in FIELDS}).strip()
    except UndefinedError as error:
        raise InputError(f"{where}: {error.message}; a template may use {', '.join(FIELDS)}") from None
    except TemplateSyntaxError as error:
        raise InputError(f"{where}: line {error.lineno}: {error.message}") from None
    except TemplateError as error:
        raise InputError(f"{where}: {error.message}") from None
    except Exception as error:  # an expression in a template fails as Python does
        raise InputError(f"{where}: {type(error).__name__}: {error}") from None
    if record["dialogue"] not in text:  # an over-long prompt is cut inside its dialogue, so it must be found there
        raise InputError(f"{where}: the prompt does not hold the dialogue; it needs {{{{ dialogue }}}} as it is")
    return text


def assemble(demonstrations: list[dict], instruction: str, tokenizer) -> str:
    """The text a model reads: worked examples (few-shot), then the instruction to answer.

    With a chat model's tokenizer they are earlier turns of the conversation; without, paragraphs of one text.
    """
    if tokenizer:
        turns = []
        for shown in demonstrations:
            turns.append({"role": "user", "content": shown["instruction"]})
            turns.append({"role": "assistant", "content": defused(shown["completion"], tokenizer)})
        turns.append({"role": "user", "content": instruction})
        return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    examples = [f"{shown['instruction']} {shown['completion'].strip()}" for shown in demonstrations]
    return "\n\n".join([*examples, instruction])


def defused(text: str, tokenizer) -> str:
    """A text that holds <|im_end|> and the like, changed so that it can't end its own turn in a chat."""
    for added in tokenizer.added_tokens_decoder.values():
        token = added.content
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


if __name__ == "__main__":
    run_stage(run)
