"""Size and cost of a method, from the records of its training, its generation and its answers to questions."""

import statistics
from collections.abc import Iterable
from typing import Any

from pipeline.core import files
from pipeline.core.contention import busy_reason
from pipeline.core.paths import Paths
from pipeline.evaluation.search_costs import search_cost
from pipeline.evaluation.shapes import ForgettingRun, GenerationRun, TrainingRun


def run_costs(method: str, run: str, paths: Paths, sweeps: Iterable[Any]) -> dict[str, Any]:
    """Parameters, bytes, wall and CPU seconds, tokens per second and peak memory in MiB; by one run of the method.

    What was not measured is None: a method that trains nothing has no seconds of training, and one whose learning rate
    was looked for in none of the recorded `sweeps` has no search.
    """
    training = files.read_json(paths.training_run(run), TrainingRun)
    generation = files.read_json(paths.generation_run(run), GenerationRun)
    forgetting = files.read_json(paths.forgetting_run(run), ForgettingRun)
    return {
        "trainable_parameters": training["trainable_parameters"],
        "total_parameters": training["total_parameters"],
        "share": training["trainable_parameters"] / training["total_parameters"],
        "needs_base": training["needs_base"],
        "bytes": training["bytes"],
        "bytes_of_ten_tasks": 10 * training["bytes"] + (training["base_bytes"] if training["needs_base"] else 0),
        "request_tokens": generation["request_tokens"],  # that the model reads for a prompt, mean
        "extra_prompt_tokens": generation["extra_prompt_tokens"],
        "search": search_cost(method, training, sweeps),
        "cost": _training_cost(training) | _generation_cost(generation),
        "memory": {
            "training": memory(training, "train"),
            "generation": memory(generation, "generate"),
            "forgetting": memory(forgetting, "answer", "read"),
        },
        "busy": _busy_phases({"training": (training, "train"), "generation": (generation, "generate")}),
    }


def _training_cost(training: dict[str, Any]) -> dict[str, Any]:
    seconds = training.get("seconds", {})
    return {
        "train_seconds": seconds.get("train", 0.0),
        "train_cpu_seconds": training.get("cpu_seconds", {}).get("train", 0.0),
        "seconds_to_best": training.get("seconds_to_best"),
        "validation_seconds": seconds.get("validation", 0.0),
        "train_tokens_per_second": quartiles(training["tokens_per_second"]) if seconds else None,
    }


def _generation_cost(generation: dict[str, Any]) -> dict[str, Any]:
    seconds = generation["seconds"]["generate"]
    return {
        "generate_seconds": seconds,
        "generate_cpu_seconds": generation["cpu_seconds"]["generate"],
        "generate_tokens_per_second": generation["new_tokens"] / seconds,
    }


def quartiles(values: list[float]) -> dict[str, float]:
    """The median, and as low and high the quartiles; one value is all three."""
    low, median, high = statistics.quantiles(values, method="inclusive") if len(values) > 1 else values * 3
    return {"median": median, "low": low, "high": high}


def memory(record: dict[str, Any], *phases: str) -> dict[str, float] | None:
    """MiB of a process: its peak in these phases, how much of it is above the loaded model, and its imports.

    None of a record without them.
    """
    peaks = [record["peak_mib"][phase] for phase in phases if phase in record.get("peak_mib", {})]
    if not peaks:
        return None
    peak = max(peaks)
    return {"peak": peak, "above_model": max(0.0, peak - record["model_mib"]), "imports": record["imports_mib"]}


def _busy_phases(records: dict[str, tuple[dict[str, Any], str]]) -> dict[str, str]:
    """The phases that were measured on a busy machine, each with the reason."""
    reasons = {
        name: busy_reason(record["contention"][phase])
        for name, (record, phase) in records.items()
        if "contention" in record
    }
    return {name: reason for name, reason in reasons.items() if reason}
