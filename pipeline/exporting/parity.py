"""Whether an export says the same as the run it was made of: on the test set, with size and speed of both."""

import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.evaluation.differences import Difference, paired_difference, signed
from pipeline.evaluation.predictions import read_predictions, read_references
from pipeline.evaluation.scoring import score_rows, summarize, task_scorer
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task

SAME_SEARCH_SHARE = 1 / 3  # of the non-inferiority margin: the same weights in the same search lose next to nothing
TIMED, ROUNDS = 32, 3  # prompts of each round; engines take turns
MIB = 2**20


@dataclass(frozen=True)
class Parity:
    """scores: of the original and the export, in points of `metric`. sizes: bytes to load. speeds: outputs a second."""

    examples: int
    identical: int
    metric: str
    scores: tuple[float, float]
    difference: Difference
    margin: float
    sizes: tuple[int, int]
    speeds: tuple[float, float]

    @property
    def accepted(self) -> bool:
        """Whether the export is shown to lose less than the margin: its interval is above."""
        return self.difference.low >= -self.margin

    def as_json(self) -> dict[str, Any]:
        """What parity.json holds."""
        change = {key: getattr(self.difference, key) for key in ("difference", "low", "high", "p")}
        values = {key: value for key, value in asdict(self).items() if key != "difference"}
        for name in ("scores", "sizes", "speeds"):
            values[name] = dict(zip(("original", "export"), values[name]))
        return values | {"change": change, "accepted": self.accepted}

    def as_markdown(self) -> str:
        """The table of README.md."""
        share, change = 100 * self.identical / self.examples, self.difference
        rows = [
            ("", "original", "export"),
            ("---", "---:", "---:"),
            (self.metric, *(f"{score:.2f}" for score in self.scores)),
            ("MiB to load", *(f"{size / MIB:.1f}" for size in self.sizes)),
            ("outputs per second", *(f"{speed:.1f}" for speed in self.speeds)),
        ]
        return "\n".join(
            [
                *(f"| {' | '.join(row)} |" for row in rows),
                "",
                f"{self.identical} of {self.examples} texts of test ({share:.0f} %) are those of the original. "
                f"Difference in {self.metric}: {signed(change.difference, 2)} points, 95 % interval "
                f"{signed(change.low, 2)} to {signed(change.high, 2)}; it must not reach below -{self.margin:g}.",
            ]
        )


def default_margin(score: Score, form: str) -> float:
    """The comparison's margin for another engine, a third of it for the same one."""
    return score.non_inferiority_margin * (1 if form == "ctranslate2" else SAME_SEARCH_SHARE)


class ComparedTexts(NamedTuple):
    """identical: how many are. scores: of the original and the export. summary: of the export, every metric of it."""

    identical: int
    metric: str
    scores: tuple[float, float]
    difference: Difference
    summary: dict[str, Any]


def compare_texts(
    predictions: Path, records: Path, texts: list[str], task: Task, score: Score, margin: float
) -> ComparedTexts:
    """The texts of an export, in the order of the records, beside a file of predictions."""
    known = read_references(records, task.source)
    original = read_predictions(predictions, known)
    export = [{"id": row["id"], "prediction": text} for row, text in zip(original, texts)]
    scorer = task_scorer(task, score, known.values())
    name, metric = next(iter(scorer.metrics.items()))
    before, after = (
        [{"seed": None, **row} for row in score_rows(each, known, scorer, label)]
        for each, label in ((original, "score original"), (export, "score export"))
    )
    first, second = metric.matrix(before), metric.matrix(after)
    points = [float(metric.score(each.sum(axis=1), each.shape[1])[0]) for each in (first, second)]
    return ComparedTexts(
        sum(row["prediction"] == text for row, text in zip(original, texts)),
        name,
        (points[0], points[1]),
        paired_difference(second, first, metric, score, seeds=0, margin=margin),
        summarize(after, list(known.values()), scorer),
    )


def outputs_per_second(answerers: list[Any], records: list[dict[str, Any]]) -> list[float]:
    """Of each, the median of some rounds in which they take turns, on records from the whole of the test set."""
    step = max(1, len(records) // TIMED)
    chosen = records[::step][:TIMED]
    seconds: list[list[float]] = [[] for _ in answerers]
    for answerer in answerers:
        answerer.write(chosen[:1], "warm-up")
    for _ in range(ROUNDS):
        for spent, answerer in zip(seconds, answerers):
            began = time.perf_counter()
            answerer.write(chosen, "time")
            spent.append(time.perf_counter() - began)
    return [len(chosen) / statistics.median(each) for each in seconds]
