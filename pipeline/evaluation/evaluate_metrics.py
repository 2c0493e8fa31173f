"""Further metrics from Hugging Face's `evaluate`, by hub name or local path."""

import contextlib
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.errors import InputError
from pipeline.parameters.score import EvaluateMetric


def evaluate_metrics(
    metrics: Sequence[str | EvaluateMetric], pairs: list[tuple[str, str]]
) -> dict[str, dict[str, float]]:
    """Name of a metric -> its numbers over all (prediction, reference) pairs."""
    named: list[Mapping[str, Any]] = [{"name": metric} if isinstance(metric, str) else metric for metric in metrics]
    return {metric["name"]: _evaluate(metric, pairs) for metric in named}


def _evaluate(metric: Mapping[str, Any], pairs: list[tuple[str, str]]) -> dict[str, float]:
    """One metric's numbers, means where it gives one for each pair. Raises InputError for whatever goes wrong in it."""
    import evaluate  # 5 s, so only where it is asked for

    name, arguments = metric["name"], {key: value for key, value in metric.items() if key != "name"}
    texts = {"predictions": [pair[0] for pair in pairs], "references": [pair[1] for pair in pairs]}
    try:
        result = evaluate.load(name).compute(**texts, **arguments)
    except Exception as error:  # a metric is foreign code and raises anything
        raise InputError(f"score.evaluate: metric {name!r}: {type(error).__name__}: {error}") from error
    scores = {}
    for key, value in (result or {}).items():
        with contextlib.suppress(TypeError, ValueError):  # texts among the numbers, as BERTScore's hash
            values = list(value) if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
            scores[key] = statistics.fmean(float(number) for number in values)  # BERTScore: a value for each pair
    if not scores:
        raise InputError(f"score.evaluate: metric {name!r} returned no number: {result!r}")
    if wrong := [key for key, value in scores.items() if not math.isfinite(value)]:
        raise InputError(f"score.evaluate: metric {name!r} returned {wrong[0]} = {scores[wrong[0]]}")
    return scores
