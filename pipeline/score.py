"""Score a method's predictions: ROUGE and BLEU with intervals, and what is wrong with the texts.

    python -m pipeline.score METHOD

The scores with their signature go to reports/scores, the scores of each dialogue to reports/dialogues (Parquet), the
few that `dvc metrics show` lists to reports/metrics. A file of predictions from anywhere is scored by the stage
`external`, or by hand with `python -m pipeline score_file`.
"""

from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.evaluation.scoring import score_file, write_scores
from pipeline.parameters.score import Score


def run(method: str, paths: Paths, *, score: Score) -> None:
    scores = score_file(paths.predictions(method), paths.records("test"), score)
    write_scores(scores, paths.scores(method), paths.dialogue_scores(method), paths.metrics(method))


if __name__ == "__main__":
    run_stage(run)
