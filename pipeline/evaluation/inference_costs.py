"""What inference costs, from the rounds of reports/runs/inference.json: medians, intervals, a control, a ranking."""

import math
import statistics
from typing import Any

from pipeline.core.contention import busy_reason

Median = dict[str, float | None]  # median, and low and high of its 95 % interval
CONFIDENCE = 0.95
LEAST_ROUNDS = 6  # fewer give no interval
TOLERANCE = 0.1  # medians of variants that compute the same differ by less, or no time is compared


def median_interval(values: list[float]) -> Median:
    """The median and its 95 % interval, from order statistics: exact for values of any one distribution.

    It ends at the k-th smallest and k-th largest value; k is the largest of which a median is outside so rarely. Fewer
    than six values have no such interval. Hahn and Meeker (1991), Statistical Intervals, section 5.2.
    """
    ordered, count = sorted(values), len(values)
    outside, k = 0.0, 0
    while k < count // 2:
        outside += 2 * math.comb(count, k) / 2**count
        if outside > 1 - CONFIDENCE:
            break
        k += 1
    low, high = (ordered[k - 1], ordered[-k]) if k else (None, None)
    return {"median": statistics.median(ordered), "low": low, "high": high}


def inference_costs(run: dict[str, Any]) -> dict[str, Any]:
    """What the comparison says of inference: how it was measured, the control, the ranking, and each variant's costs.

    `by_batch`: size of the batch -> `control` (names, difference: of the largest median from the smallest in percent,
    holds), `ranking` (groups of names, the fastest first; None where the control fails or rounds are too few) and
    `reference`, the variant that relative times refer to. `variants`: name -> method, form, and by size of the batch
    `variant_costs`.
    """
    sizes = list(run["variants"][0]["batches"]) if run["variants"] else []
    costs: dict[str, Any] = {key: run[key] for key in ("rounds", "prompts", "new_tokens", "together", "contention")}
    costs["busy"] = busy_reason(run["contention"])
    costs["by_batch"] = {size: _compare_batch(run, size) for size in sizes}
    costs["variants"] = {
        variant["name"]: {"method": variant["method"], "form": variant["form"]}
        | {"batches": {size: variant_costs(run, variant, size) for size in sizes}}
        for variant in run["variants"]
    }
    return costs


def variant_costs(run: dict[str, Any], variant: dict[str, Any], size: str) -> dict[str, Median]:
    """Medians over the rounds: seconds to the first token and milliseconds per further token, of a batch.

    seconds, cpu_seconds: of an output. relative: its seconds divided by the reference's in the same round.
    """
    timings, texts, further = variant["batches"][size], int(size), max(1, run["new_tokens"] - 1)
    reference = _seconds(run, size)[_reference(run)]
    return {
        "first_seconds": median_interval(timings["first_seconds"]),
        "token_milliseconds": median_interval(
            [
                1000 * (whole - first) / further
                for whole, first in zip(timings["seconds"], timings["first_seconds"], strict=True)
            ]
        ),
        "seconds": median_interval([value / texts for value in timings["seconds"]]),
        "cpu_seconds": median_interval([value / texts for value in timings["cpu_seconds"]]),
        "relative": median_interval(ratios(timings["seconds"], reference)),
    }


def _compare_batch(run: dict[str, Any], size: str) -> dict[str, Any]:
    seconds = _seconds(run, size)
    control = control_difference({name: seconds[name] for name in run["control"]})
    ranking = rank(seconds) if control["holds"] and run["rounds"] >= LEAST_ROUNDS else None
    return {"control": control, "ranking": ranking, "reference": _reference(run)}


def control_difference(seconds: dict[str, list[float]]) -> dict[str, Any]:
    """By how many percent the medians of variants that compute the same differ, and whether that is tolerable."""
    medians = [statistics.median(values) for values in seconds.values()]
    difference = max(medians) / min(medians) - 1
    return {"names": list(seconds), "difference": 100 * difference, "holds": difference <= TOLERANCE}


def rank(seconds: dict[str, list[float]]) -> list[list[str]]:
    """Groups of names, the fastest first: the variants of a group are not slower than its first.

    Slower: over the rounds, the median of the ratio to it is beyond what the control may differ by, and its interval
    excludes one.
    """
    groups: list[list[str]] = []
    for name in sorted(seconds, key=lambda name: statistics.median(seconds[name])):
        if groups and not is_slower(seconds[name], seconds[groups[-1][0]]):
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


def is_slower(values: list[float], others: list[float]) -> bool:
    """Whether the first takes longer than the second, both of the same rounds."""
    ratio = median_interval(ratios(values, others))
    low, median = ratio["low"], ratio["median"]
    return low is not None and median is not None and low > 1 and median > 1 + TOLERANCE


def ratios(values: list[float], others: list[float]) -> list[float]:
    """Round by round: what made a round slow made both slow."""
    return [value / other for value, other in zip(values, others, strict=True)]


def _seconds(run: dict[str, Any], size: str) -> dict[str, list[float]]:
    return {variant["name"]: variant["batches"][size]["seconds"] for variant in run["variants"]}


def _reference(run: dict[str, Any]) -> str:
    """Full fine-tuning where it is there, else the first of the control."""
    return "full" if "full" in run["control"] else run["control"][0]
