"""Outputs for the perturbed test inputs, and their scores: what a change that means nothing does to a method.

    python -m pipeline.robustness RUN

The outputs are written with the settings of `generate`, so they are compared with its outputs for the unchanged inputs.
"""

from pipeline.core import files, shapes
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.evaluation.predictions import read_references
from pipeline.evaluation.scoring import score_rows, task_scorer
from pipeline.inference.outputs import prepare_writer
from pipeline.models import processes
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.generate import Generate
from pipeline.parameters.metrics import Metrics
from pipeline.parameters.model import Model
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template


def run(
    name: str,
    paths: Paths,
    *,
    task: Task,
    model: Model,
    template: Template,
    generate: Generate,
    score: Score,
    metrics: Metrics,
) -> None:
    processes.join()
    prompts = {
        perturbation: files.read_jsonl(paths.perturbed(perturbation) / "prompts.jsonl", shapes.Prompt)
        for perturbation in metrics.perturbations
    }
    every = [row for rows in prompts.values() for row in rows]
    writer = prepare_writer(name, every, paths, model, template, generate, ResourceMonitor())
    outputs = iter(writer.write(f"perturbed {name}").rows)
    if not processes.is_first():
        return
    _, seed = parse_run(name)
    table = []
    for perturbation, rows in prompts.items():
        records = read_references(paths.perturbed(perturbation) / "records.jsonl", task.source)
        scorer = task_scorer(task, score, records.values())
        predictions = [next(outputs) for _ in rows]
        scored = score_rows(predictions, records, scorer, f"score {name} {perturbation}")
        table += [{"perturbation": perturbation, "seed": seed, **row} for row in scored]
    files.write_parquet(paths.robustness(name), table)
    print(f"{name}: {len(table)} outputs for perturbed inputs")


if __name__ == "__main__":
    run_stage(run, several_processes=True)
