"""One output for every validation example, and its scores: what settings are chosen by.

    python -m pipeline.validate RUN

`python -m pipeline sweep` chooses by these scores, so that test is for what was chosen. The outputs are written as
`generate` says, but with the beams of `validate`: one beam is several times faster and ranks settings alike.
"""

from dataclasses import replace

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.core.shapes import Prompt
from pipeline.evaluation.crossed import mean_score
from pipeline.evaluation.predictions import read_references
from pipeline.evaluation.scoring import score_rows, task_scorer
from pipeline.evaluation.tasks import primary_metric
from pipeline.inference.outputs import are_empty, prepare_writer
from pipeline.models import processes
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.validate import Validate


def run(
    name: str,
    paths: Paths,
    *,
    task: Task,
    model: Model,
    template: Template,
    generate: Generate,
    validate: Validate,
    score: Score,
) -> None:
    processes.join()
    settings = replace(generate, num_beams=validate.num_beams)
    prompts = files.read_jsonl(paths.prompts("validation"), Prompt)
    writer = prepare_writer(name, prompts, paths, model, template, settings, ResourceMonitor())
    predictions = writer.write(f"validate {name}").rows
    if empty := are_empty(predictions):  # a bad value of a sweep, which scores 0
        print(f"{name}: WARNING: {empty}")
    if writer.has_choices:
        predictions = writer.add_choices(predictions, f"choose {name}")
    if not processes.is_first():
        return
    records = read_references(paths.records("validation"), task.source)
    scorer = task_scorer(task, score, records.values())
    rows = score_rows(predictions, records, scorer, f"score {name}")
    _, seed = parse_run(name)
    files.write_parquet(paths.validation(name), [{"seed": seed, **row} for row in rows])
    metric = scorer.metrics[primary_metric(type(scorer))]
    points = mean_score(metric.matrix(rows), metric.score)
    print(f"{name}: {metric.title} {points:.2f} on {len(rows)} validation examples")


if __name__ == "__main__":
    run_stage(run, several_processes=True)
