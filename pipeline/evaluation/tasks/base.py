"""What every kind of task has: metrics, columns of an example, faults of the outputs, and baselines."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from pipeline.evaluation.metrics import Metric
from pipeline.parameters.score import Score

Record = dict[str, Any]
Rows = list[dict[str, Any]]


class TaskScorer(ABC):
    """Scores the outputs of one kind of task.

    metrics: those that have intervals and are compared; the first is the primary one, which decides: verdict, flags and
    sweeps. further: columns that are reported as means. reads_words: whether scores depend on score.language.
    baselines_note: what a reader must know of the baselines, for the page.

    source: the field of a record that the output is about. records: the test set (or validation) that is scored.
    """

    metrics: ClassVar[dict[str, Metric]]
    further: ClassVar[tuple[str, ...]] = ()
    reads_words: ClassVar[bool] = True
    baselines_note: ClassVar[str]

    def __init__(self, score: Score, source: str, records: Iterable[Record]) -> None:
        self.score, self.source = score, source

    @abstractmethod
    def row(self, given: dict[str, Any], record: Record) -> dict[str, Any]:
        """The columns of an example: those of the metrics, `further` and faults, from a row of predictions."""

    @abstractmethod
    def signature(self, records: list[Record]) -> dict[str, str]:
        """What must agree before two scores may be compared; a metric's `signature` is a key."""

    @abstractmethod
    def summarize_faults(self, rows: Rows, records: list[Record]) -> dict[str, Any]:
        """`diagnostics` of the outputs, `warnings`, and `reference_diagnostics` of people's, if these say anything."""

    @abstractmethod
    def baselines(self, records: list[Record]) -> dict[str, Rows]:
        """Name of a system that needs no training -> its columns of each record; `human` where people can be scored."""
