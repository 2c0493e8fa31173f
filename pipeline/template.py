"""A prompt and its completion for every record, from the template library in conf/template/.

    python -m pipeline.template

Each split is written as JSON Lines for the next stage and as plain text for reading. Templates are Jinja2 in a sandbox
with limits on time and size. Where a template has several phrasings, each example draws one by the seed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.core import files, shapes
from pipeline.core.cli import run_stage
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.progress import progress
from pipeline.models.record_prompts import make_prompt, prompt_encoder
from pipeline.parameters.model import Model
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.types import Seed


def run(paths: Paths, *, seed: Seed, task: Task, template: Template, model: Model) -> None:
    encoder = prompt_encoder(paths.base_model, model, template)
    for split in SPLITS:
        place = paths.records(split)
        records = files.iterate_jsonl(place, shapes.record(*task.fields))
        shown = progress(records, files.count_lines(place), f"template {split}")
        rows = (make_prompt(record, task, template, seed, encoder) for record in shown)
        files.write_jsonl(paths.prompts(split), also_readable(rows, paths.readable_prompts(split)))
    first = next(files.iterate_jsonl(paths.prompts("test")))["prompt"]
    print(f"{template.name}: {len(template.prompts)} phrasing(s); the first prompt of test:\n\n{first}")


def also_readable(rows: Iterable[dict[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    """The rows unchanged, while they are written to `path` for a person to read."""
    with files.removed_on_failure(path), path.open("w", encoding="utf-8") as text:
        for number, row in enumerate(rows):
            text.write("\n" if number else "")
            text.write(f"==== {row['id']} ====\n{row['prompt']}\n---- completion ----\n{row['completion']}\n")
            yield row


if __name__ == "__main__":
    run_stage(run)
