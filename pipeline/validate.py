"""One summary for every validation dialogue, and its scores: what settings are chosen by.

    python -m pipeline.validate RUN

`python -m pipeline sweep` chooses by these scores, so that test is for what was chosen. The summaries are written as
`generate` says, but with the beams of `validate`: one beam is several times faster and ranks settings alike.
"""

from dataclasses import replace

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.evaluation.crossed import mean_score
from pipeline.evaluation.entities import find_entities
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC, Scorer
from pipeline.evaluation.predictions import read_references
from pipeline.evaluation.scoring import all_texts, score_rows
from pipeline.inference.summaries import are_empty, prepare_writer
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.score import Score
from pipeline.parameters.template import Template
from pipeline.parameters.validate import Validate


def run(
    name: str, paths: Paths, *, model: Model, template: Template, generate: Generate, validate: Validate, score: Score
) -> None:
    settings = replace(generate, num_beams=validate.num_beams)
    writer = prepare_writer(name, "validation", paths, model, template, settings, ResourceMonitor())
    predictions, _ = writer.write(f"validate {name}")
    if empty := are_empty(predictions):  # a bad value of a sweep, which scores 0
        print(f"{name}: WARNING: {empty}")
    records = read_references(paths.records("validation"))
    entities = find_entities(all_texts(records.values()), score.language)
    rows = score_rows(predictions, records, Scorer(score.use_stemmer, score.language), entities, f"score {name}")
    _, seed = parse_run(name)
    files.write_parquet(paths.validation(name), [{"seed": seed, **row} for row in rows])
    metric = METRICS[PRIMARY_METRIC]
    points = mean_score(metric.matrix(rows), metric.score)
    print(f"{name}: {metric.title} {points:.2f} on {len(rows)} validation dialogues")


if __name__ == "__main__":
    run_stage(run)
