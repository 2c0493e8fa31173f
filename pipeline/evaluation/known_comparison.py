"""A comparison.json as the verdict reads it."""

from dataclasses import asdict, dataclass
from typing import Any

from pipeline.evaluation.differences import format_p
from pipeline.evaluation.open_questions import describe_interval, not_ruled_out
from pipeline.evaluation.pairs import Pair, find_pair, read_pairs, significance_label
from pipeline.evaluation.tasks import METRICS

System = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """What the sentences are computed from; systems are rows of comparison.json by name. metric: the primary one."""

    systems: dict[str, System]  # methods and external systems
    methods: dict[str, System]  # the best first
    external: list[str]  # names, the best last
    pairs: list[Pair]
    examples: int
    margin: float
    metric: str

    @classmethod
    def from_json(cls, comparison: dict[str, Any]) -> "Comparison":
        metric = comparison["primary_metric"]
        systems = sorted(comparison["systems"], key=lambda row: points_in(row, metric))
        return cls(
            systems={row["name"]: row for row in systems if row["kind"] != "baseline"},
            methods={row["name"]: row for row in reversed(systems) if row["kind"] == "method"},
            external=[row["name"] for row in systems if row["kind"] == "external"],
            pairs=read_pairs(comparison),
            examples=comparison["examples"],
            margin=comparison["non_inferiority_margin"],
            metric=metric,
        )

    @property
    def trained(self) -> dict[str, System]:
        return {name: row for name, row in self.methods.items() if row["trainable_parameters"]}

    @property
    def trained_once(self) -> bool:
        """Whether a method was trained with one seed alone."""
        return any(len(row["by_seed"]) < 2 for row in self.trained.values())

    @property
    def title(self) -> str:
        """The primary metric's name for readers."""
        return METRICS[self.metric].title

    def points(self, row: System) -> float:
        """A system's score in the primary metric."""
        return points_in(row, self.metric)

    @property
    def needs(self) -> str:
        return f"the margin of {self.margin:g} points of {self.title}"

    def describe_difference(self, first: str, second: str) -> str:
        """first minus second with its interval and what it is called."""
        estimate = find_pair(self.pairs, first, second).estimate
        corrected = "corrected " if len(self.pairs) > 1 else ""
        open_end = "" if estimate.significant else not_ruled_out(estimate)
        return (
            f"the difference of {describe_interval(asdict(estimate))} is {significance_label(estimate)} "
            f"({corrected}{format_p(estimate.p_holm)}){f': {open_end}' if open_end else ''}"
        )


def points_in(row: System, metric: str) -> float:
    """A system's score in a metric."""
    return float(row["scores"][metric]["mean"])
