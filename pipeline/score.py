"""Score the predictions of a method's runs: the task's metrics with intervals, and what is wrong with the texts.

    python -m pipeline.score METHOD

The scores with their signature go to reports/scores, the scores of each example to reports/examples (Parquet), the
few that `dvc metrics show` lists to reports/metrics. A file of predictions from anywhere is scored by the stage
`external`, or by hand with `python -m pipeline score_file`.
"""

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.runs import run_name
from pipeline.evaluation.scoring import score_runs, write_scores
from pipeline.parameters.runs import SeedsOf
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task


def run(method: str, paths: Paths, *, seeds_of: SeedsOf, task: Task, score: Score) -> None:
    if method not in seeds_of:
        raise InputError(f"methods: no method {method!r} is chosen; there are {', '.join(seeds_of)}")
    seeds: list[int | None] = [*seeds_of[method]] or [None]
    predictions = {seed: paths.predictions(run_name(method, seed)) for seed in seeds}
    scores = score_runs(predictions, paths.records("test"), task, score, method)
    write_scores(scores, paths.scores(method), paths.example_scores(method), paths.metrics(method))


if __name__ == "__main__":
    run_stage(run)
