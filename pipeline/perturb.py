"""The test inputs as a perturbation changes them: with typos, in lower case, with other names and the like.

    python -m pipeline.perturb PERTURBATION

Only changed inputs are written, as records and as prompts in the phrasing of the unchanged ones.
"""

from pipeline.core import files, shapes
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.models.record_prompts import make_prompt, prompt_encoder
from pipeline.parameters.metrics import Metrics
from pipeline.parameters.model import Model
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.types import Seed
from pipeline.perturbing.perturbations import perturbed


def run(
    name: str, paths: Paths, *, seed: Seed, task: Task, template: Template, model: Model, score: Score, metrics: Metrics
) -> None:
    records = files.read_jsonl(paths.records("test"), shapes.record(*task.fields))
    changed = perturbed(name, records, task, metrics, score.language, seed)
    encoder = prompt_encoder(paths.base_model, model, template)
    folder = paths.perturbed(name)
    files.write_jsonl(folder / "records.jsonl", changed)
    files.write_jsonl(
        folder / "prompts.jsonl", [make_prompt(record, task, template, seed, encoder) for record in changed]
    )
    print(f"{name}: changes {len(changed)} of {len(records[: metrics.examples])} inputs; the first of them:\n")
    print(changed[0][task.source])


if __name__ == "__main__":
    run_stage(run)
