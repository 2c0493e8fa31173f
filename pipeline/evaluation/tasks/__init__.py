"""The kinds of tasks: what their outputs are scored by. One module each; a new one is a class here and in `KINDS`.

A metric's name belongs to one kind, so a table of scores says itself what it holds.
"""

from collections.abc import Iterable

from pipeline.evaluation.metrics import Metric
from pipeline.evaluation.tasks.base import TaskScorer
from pipeline.evaluation.tasks.classification import Classification
from pipeline.evaluation.tasks.question_answering import QuestionAnswering
from pipeline.evaluation.tasks.summarization import Summarization

KINDS: dict[str, type[TaskScorer]] = {
    "summarization": Summarization,
    "classification": Classification,
    "question_answering": QuestionAnswering,
}
METRICS: dict[str, Metric] = {name: metric for kind in KINDS.values() for name, metric in kind.metrics.items()}


def kind_of(names: Iterable[str]) -> type[TaskScorer]:
    """The kind whose primary metric is among the names of columns or scores. Raises ValueError where there is none."""
    known = set(names)
    for kind in KINDS.values():
        if primary_metric(kind) in known:
            return kind
    raise ValueError(f"no metric of a known kind of task ({', '.join(METRICS)})")


def is_primary(name: str) -> bool:
    """Whether a metric is the one that decides, of its kind of task."""
    return any(name == primary_metric(kind) for kind in KINDS.values())


def primary_metric(kind: type[TaskScorer]) -> str:
    """The name of the metric that decides."""
    return next(iter(kind.metrics))
