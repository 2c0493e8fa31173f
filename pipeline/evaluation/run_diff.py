"""What became of each score between a base and a change of it, and whether the difference is significant."""

from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal

from pipeline.evaluation.differences import Difference, correct, paired_difference, unpaired_difference
from pipeline.evaluation.loss_curves import LossPoint
from pipeline.evaluation.metrics import METRICS
from pipeline.evaluation.seed_rows import count_seeds
from pipeline.parameters.score import Score

METRICS_FOLDER = PurePosixPath("reports/metrics")
Values = dict[str, Any]  # `old` and `new` of DVC's diffs, one of them None where it is not there


@dataclass(frozen=True)
class RunSnapshot:
    """What can be read of a commit or the workspace; parts that can't be are empty.

    scores: system -> metric -> mean, low, high. records_hashes: system -> hash of the records it was scored on.
    references: id -> texts. dialogues: system -> its rows.
    """

    scores: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    signature: dict[str, str] = field(default_factory=dict)
    records_hashes: dict[str, str] = field(default_factory=dict)
    references: dict[str, list[str]] = field(default_factory=dict)
    dialogues: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    validation_losses: list[LossPoint] = field(default_factory=list)


@dataclass(frozen=True)
class ScoreChange:
    """A changed score. reason: why it is not comparable. dialogues: how many a paired difference is over."""

    system: str
    metric: str
    old: float | None
    new: float | None
    how: Literal["paired", "unpaired", "new", "removed", "not comparable"]
    reason: str = ""
    dialogues: int = 0
    difference: Difference | None = None

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
            change = _classify(before, now, name, metric, values)
            changes.append(replace(change, difference=_difference(change, before, now, score)))
    corrected = iter(correct([change.difference for change in changes if change.difference]))
    return [replace(change, difference=next(corrected)) if change.difference else change for change in changes]


def _classify(before: RunSnapshot, now: RunSnapshot, system: str, metric: str, values: Values) -> ScoreChange:
    """How a score's change can be judged."""
    change = ScoreChange(system, metric, values["old"], values["new"], "not comparable")
    if values["old"] is None or values["new"] is None:
        return replace(change, how="new" if values["old"] is None else "removed")
    if reason := _not_comparable(before, now, system, metric):
        return replace(change, reason=reason)
    one, other = before.dialogues.get(system, []), now.dialogues.get(system, [])
    if not one or not other or [row["id"] for row in one] != [row["id"] for row in other]:
        return replace(change, how="unpaired")
    for row, other_row in zip(one, other):
        columns = METRICS[metric].columns
        same_summary = row["prediction"] == other_row["prediction"]
        if same_summary and any(abs(row[key] - other_row[key]) > 1e-9 for key in columns):
            return replace(change, reason="scored differently: another score for the same summary")
    return replace(change, how="paired", dialogues=len(one))


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


def _difference(change: ScoreChange, before: RunSnapshot, now: RunSnapshot, score: Score) -> Difference | None:
    """now minus before, where it can be tested."""
    if change.how == "unpaired":
        return unpaired_difference(*(side.scores[change.system][change.metric] for side in (now, before)))
    if change.how != "paired":
        return None
    metric = METRICS[change.metric]
    first, second = (side.dialogues[change.system] for side in (now, before))
    seeds = max(count_seeds(first), count_seeds(second))
    return paired_difference(metric.matrix(first), metric.matrix(second), metric, score, seeds)
