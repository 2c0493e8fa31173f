"""Score the predictions of an external system (a published one, an API) exactly like a method's.

    python -m pipeline.external NAME

score.external names the file of each system, with an `id` and a `prediction` for every test example (formats:
docs/data.md). Every row is checked; a wrong one stops the stage with its line and what was expected.
"""

from pathlib import Path

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.scoring import score_file, write_scores
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task


def run(name: str, paths: Paths, *, task: Task, score: Score) -> None:
    if name not in score.external:
        raise InputError(f"score.external: no system {name!r}; there are {', '.join(score.external) or 'none'}")
    scores = score_file(paths.root / Path(score.external[name]), paths.records("test"), task, score)
    write_scores(scores, paths.scores(name), paths.example_scores(name), paths.metrics(name))


if __name__ == "__main__":
    run_stage(run)
