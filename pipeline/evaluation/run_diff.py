"""What became of each score between a base and a change of it, and whether the difference is significant."""

import statistics
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from pipeline.evaluation.differences import (
    Difference,
    add_seed_variance,
    correct,
    paired_difference,
    unpaired_difference,
)
from pipeline.evaluation.loss_curves import LossPoint
from pipeline.evaluation.seed_rows import count_seeds, example_ids, split_by_seed
from pipeline.evaluation.tasks import METRICS
from pipeline.parameters.score import Score

METRICS_FOLDER = PurePosixPath("reports/metrics")
Rows = list[dict[str, Any]]
Values = dict[str, Any]  # `old` and `new` of DVC's diffs, one of them None where it is not there


@dataclass(frozen=True)
class RunSnapshot:
    """What can be read of a commit or the workspace; parts that can't be are empty.

    scores: system -> metric -> mean, low, high. records_hashes: system -> hash of the records it was scored on.
    references: id -> texts. examples: system -> its rows, of every seed. by_seed: system -> seed -> metric -> points.
    environments: system -> device, threads and versions of its first training.
    """

    scores: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    signature: dict[str, str] = field(default_factory=dict)
    records_hashes: dict[str, str] = field(default_factory=dict)
    references: dict[str, list[str]] = field(default_factory=dict)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    by_seed: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    validation_losses: list[LossPoint] = field(default_factory=list)


@dataclass(frozen=True)
class ScoreChange:
    """A changed score. reason: why it is not comparable. examples: how many a paired difference is over.

    added_sd: the standard deviation over seeds whose variance was added, where the trainings are of one seed each.
    """

    system: str
    metric: str
    old: float | None
    new: float | None
    how: Literal["paired", "unpaired", "new", "removed", "not comparable"]
    reason: str = ""
    examples: int = 0
    difference: Difference | None = None
    added_sd: float | None = None

    @property
    def significant(self) -> bool:
        return self.difference is not None and self.difference.significant


def changed_scores(metrics_diff: dict[str, dict[str, Values]]) -> dict[str, dict[str, Values]]:
    """The scores in DVC's metrics diff (file -> key -> values): system -> metric -> values."""
    changed: dict[str, dict[str, Values]] = {}
    for path, values in metrics_diff.items():
        known = {name: values[name] for name in METRICS if name in values}
        if PurePosixPath(path).parent == METRICS_FOLDER and known:
            changed[PurePosixPath(path).stem] = known
    return changed


def judge_changes(
    before: RunSnapshot, now: RunSnapshot, changed: dict[str, dict[str, Values]], score: Score
) -> list[ScoreChange]:
    """Each changed score with its difference; p is corrected for all that were tested (Holm).

    Systems are in reverse order of the comparison: the last methods are of most interest.
    """
    order = {name: index for index, name in enumerate([*now.scores, *before.scores][::-1])}
    changes = []
    for name in sorted(changed, key=lambda name: (-order.get(name, 0), name)):
        for metric, values in changed[name].items():
            changes.append(_tested(_classify(before, now, name, metric, values), before, now, score))
    corrected = iter(correct([change.difference for change in changes if change.difference]))
    return [replace(change, difference=next(corrected)) if change.difference else change for change in changes]


def _classify(before: RunSnapshot, now: RunSnapshot, system: str, metric: str, values: Values) -> ScoreChange:
    """How a score's change can be judged."""
    change = ScoreChange(system, metric, values["old"], values["new"], "not comparable")
    if values["old"] is None or values["new"] is None:
        return replace(change, how="new" if values["old"] is None else "removed")
    if reason := _not_comparable(before, now, system, metric):
        return replace(change, reason=reason)
    one, other = common_rows(before.examples.get(system, []), now.examples.get(system, []))
    if not one or [row["id"] for row in one] != [row["id"] for row in other]:
        return replace(change, how="unpaired")
    for row, other_row in zip(one, other):
        columns = METRICS[metric].columns
        same_output = row["prediction"] == other_row["prediction"]
        if same_output and any(_differ(row[key], other_row[key]) for key in columns):
            return replace(change, reason="scored differently: another score for the same output")
    return replace(change, how="paired", examples=len(example_ids(one)))


def _differ(one: object, other: object) -> bool:
    """Whether two columns are different, beyond rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) > 1e-9
    return one != other


def _not_comparable(before: RunSnapshot, now: RunSnapshot, system: str, metric: str) -> str:
    """Why two scores can't be compared at all; empty where they can."""
    if any(metric not in side.scores.get(system, {}) for side in (before, now)):
        return "no interval in reports/comparison.json"
    key = METRICS[metric].signature
    if before.signature.get(key) != now.signature.get(key):
        return f"scored differently: {before.signature.get(key)}, now {now.signature.get(key)}"
    same_records = before.records_hashes.get(system) is not None and (
        before.records_hashes[system] == now.records_hashes.get(system)
    )
    if not same_records and not (before.references and before.references == now.references):
        return "another test set"
    return ""


def common_rows(before: Rows, now: Rows) -> tuple[Rows, Rows]:
    """The rows of the seeds that both sides have; of the first seed of each where they have none in common."""
    if not before or not now:
        return [], []
    one, other = split_by_seed(before), split_by_seed(now)
    if common := [seed for seed in one if seed in other]:
        return [row for seed in common for row in one[seed]], [row for seed in common for row in other[seed]]
    return list(next(iter(one.values()))), list(next(iter(other.values())))


def _tested(change: ScoreChange, before: RunSnapshot, now: RunSnapshot, score: Score) -> ScoreChange:
    """The change with its difference, now minus before, where it can be tested.

    With one seed on a side, what another seed would change is added where either side knows it from several.
    """
    if change.how == "unpaired":
        difference = unpaired_difference(*(side.scores[change.system][change.metric] for side in (now, before)))
        return replace(change, difference=replace(difference, seeds=_fewest_seeds(change.system, before, now)))
    if change.how != "paired":
        return change
    metric = METRICS[change.metric]
    first, second = common_rows(now.examples[change.system], before.examples[change.system])
    seeds = max(count_seeds(first), count_seeds(second))
    difference = paired_difference(metric.matrix(first), metric.matrix(second), metric, score, seeds)
    known = _points_over_seeds(change, before, now)
    if seeds != 1 or len(known) < 2:
        return replace(change, difference=difference)
    sd = statistics.stdev(known)
    difference = add_seed_variance(difference, change.examples, sd, len(known))
    return replace(change, difference=difference, added_sd=sd)


def _points_over_seeds(change: ScoreChange, before: RunSnapshot, now: RunSnapshot) -> list[float]:
    """The score of each seed, of the side that has more of them."""
    sides = [side.by_seed.get(change.system, {}) for side in (now, before)]
    return [points[change.metric] for points in max(sides, key=len).values() if change.metric in points]


def _fewest_seeds(system: str, before: RunSnapshot, now: RunSnapshot) -> int:
    """How many seeds the side with fewer has; 1 where a side does not say."""
    return min(len(side.by_seed.get(system, {})) or 1 for side in (before, now))
