"""What became of each score between two sides, a base and a change of it, and whether it is real."""

import math
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.evaluation.bootstrap import REAL, Resampling, holm
from pipeline.evaluation.metrics import HEADLINE, Measure
from pipeline.score import Score

COMPARISON = "reports/comparison.json"
NORMAL = 1.959964  # half of a 95 % interval, in standard errors


@dataclass(frozen=True)
class Side:
    """What can be read of a commit or the workspace: parts that can't be are empty."""

    scores: dict[str, dict] = field(default_factory=dict)  # system -> score -> mean, low, high
    signature: dict[str, str] = field(default_factory=dict)
    tested: dict[str, str] = field(default_factory=dict)  # system -> hash of the records it was scored against
    references: dict[str, list[str]] = field(default_factory=dict)  # id -> texts
    each: dict[str, list[dict]] = field(default_factory=dict)  # system -> its dialogues' rows
    losses: list[dict] = field(default_factory=list)  # method, step, loss on validation


def scored(metrics: dict) -> dict[str, dict[str, dict]]:
    """Of a metrics diff the scores: system -> score -> old and new, one of them None where it is not there."""
    found: dict[str, dict[str, dict]] = {}
    for path, values in metrics.items():
        if Path(path).parent == Path("reports/metrics"):
            known = {name: values[name] for name in HEADLINE if name in values}
            if known:
                found[Path(path).stem] = known
    return found


def judged(before: Side, now: Side, changed: dict[str, dict[str, dict]], score: Score) -> list[dict]:
    """A row for each changed score: what it was and is, how it was judged, and what is to be called real.

    how: paired, unpaired, new, gone, or why the two can't be compared. p is corrected for all that was tested (Holm).
    """
    rows = []
    order = {name: at for at, name in enumerate([*now.scores, *before.scores][::-1])}
    drawn: dict[int, Resampling] = {}
    for name in sorted(changed, key=lambda name: (-order.get(name, 0), name)):
        for key, value in changed[name].items():
            row = {"system": name, "score": key, "old": value["old"], "new": value["new"]}
            row["how"] = how(before, now, name, key, value)
            if row["how"] == "paired":
                one, other = now.each[name], before.each[name]
                if len(one) not in drawn:
                    drawn[len(one)] = Resampling.draw(len(one), score.resamples, score.seed)
                row |= paired(HEADLINE[key], one, other, drawn[len(one)]) | {"dialogues": len(one)}
            elif row["how"] == "unpaired":
                row |= unpaired(now.scores[name][key], before.scores[name][key])
            rows.append(row)
    tested = [row for row in rows if "p" in row]
    for row, p in zip(tested, holm([row["p"] for row in tested])):
        row |= {"p_holm": p, "real": p < REAL}
    return rows


def how(before: Side, now: Side, name: str, score: str, value: dict) -> str:
    """How a system's change of score can be judged: paired, unpaired, new, gone, or why it can't."""
    if value["old"] is None or value["new"] is None:
        return "new" if value["old"] is None else "gone"
    if any(score not in one.scores.get(name, {}) for one in (before, now)):
        return f"no interval in {COMPARISON}"
    kind = "bleu" if score == "bleu" else "rouge"
    if before.signature.get(kind) != now.signature.get(kind):
        return f"scored otherwise: {before.signature.get(kind)}, now {now.signature.get(kind)}"
    known = before.tested.get(name) is not None and before.tested.get(name) == now.tested.get(name)
    if not known and not (before.references and before.references == now.references):
        return "another test set"
    tables = [one.each.get(name, []) for one in (before, now)]
    if not all(tables) or [row["id"] for row in tables[0]] != [row["id"] for row in tables[1]]:
        return "unpaired"
    columns = HEADLINE[score].columns
    for one, other in zip(*tables):
        if one["prediction"] == other["prediction"] and any(abs(one[key] - other[key]) > 1e-9 for key in columns):
            return "scored otherwise: another score for the same summary"
    return "paired"


def paired(measure: Measure, now: list[dict], before: list[dict], drawn: Resampling) -> dict[str, float]:
    """now minus before with its 95 % interval and p-value, on the same dialogues."""
    one, other, points = measure.table(now), measure.table(before), measure.of(len(now))
    change = points(one.sum(axis=0)[None]) - points(other.sum(axis=0)[None])
    low, high = drawn.difference(one, other, points)
    return {"difference": float(change[0]), "low": low, "high": high, "p": drawn.p_value(one, other, points)}


def unpaired(now: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    """now minus before with its 95 % interval and p-value, from two 95 % intervals taken as independent and normal."""
    error = math.hypot(*((one["high"] - one["low"]) / (2 * NORMAL) for one in (now, before)))
    change = now["mean"] - before["mean"]
    p = math.erfc(abs(change) / error / math.sqrt(2)) if error else float(change == 0)
    return {"difference": change, "low": change - NORMAL * error, "high": change + NORMAL * error, "p": p}
