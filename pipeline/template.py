"""A prompt and its completion for every record, from the template library in conf/template/.

    python -m pipeline.template

Each split is written as JSON Lines for the next stage and as plain text for reading. Templates are Jinja2 in a sandbox
with limits on time and size. Where a template has several phrasings, each example draws one by the seed.
"""

from pipeline.core import files, shapes
from pipeline.core.cli import run_stage
from pipeline.core.paths import SPLITS, Paths
from pipeline.models.record_prompts import make_prompt, prompt_encoder
from pipeline.parameters.model import Model
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.types import Seed


def run(paths: Paths, *, seed: Seed, task: Task, template: Template, model: Model) -> None:
    encoder = prompt_encoder(paths.base_model, model, template)
    for split in SPLITS:
        records = files.read_jsonl(paths.records(split), shapes.record(*task.fields))
        rows = [make_prompt(record, task, template, seed, encoder) for record in records]
        files.write_jsonl(paths.prompts(split), rows)
        texts = [f"==== {row['id']} ====\n{row['prompt']}\n---- completion ----\n{row['completion']}\n" for row in rows]
        paths.readable_prompts(split).parent.mkdir(parents=True, exist_ok=True)
        paths.readable_prompts(split).write_text("\n".join(texts), encoding="utf-8")
    print(f"{template.name}: {len(template.prompts)} phrasing(s); the first prompt of test:\n\n{rows[0]['prompt']}")


if __name__ == "__main__":
    run_stage(run)
