"""What a judge says of every system's outputs for the test set, and of people's: does an output belong to its input,
does it mean what the references mean?

    python -m pipeline.judge JUDGE

Each distinct output is judged once.
"""

from pipeline.core import files, shapes
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.evaluation.shapes import PEOPLE, ScoredOutput
from pipeline.judging.base import Output
from pipeline.judging.judges import load_judge
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.runs import SeedsOf
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template


def run(
    name: str,
    paths: Paths,
    *,
    seeds_of: SeedsOf,
    task: Task,
    model: Model,
    template: Template,
    generate: Generate,
    score: Score,
) -> None:
    records = files.read_jsonl(paths.records("test"), shapes.record(*task.fields))
    numbers = {record["id"]: number for number, record in enumerate(records)}
    rows = [{"system": PEOPLE, "seed": None, "id": row["id"], "text": row["references"][0]} for row in records]
    for system in (*seeds_of, *score.external):
        scored = files.read_parquet(paths.example_scores(system), shape=ScoredOutput)
        rows += [{"system": system, "seed": row["seed"], "id": row["id"], "text": row["prediction"]} for row in scored]
    outputs = [Output(numbers[row["id"]], row["text"]) for row in rows]
    distinct = list(dict.fromkeys(outputs))
    judge = load_judge(name, paths, records, model, template, generate)
    values = dict(zip(distinct, judge.judge(distinct, name)))
    table = [
        {"system": row["system"], "seed": row["seed"], "id": row["id"], "value": values[output]}
        for row, output in zip(rows, outputs)
    ]
    files.write_parquet(paths.judged(name), table)
    print(f"{name}: {len(distinct)} outputs of {len(seeds_of) + len(score.external)} systems, and the references")


if __name__ == "__main__":
    run_stage(run)
