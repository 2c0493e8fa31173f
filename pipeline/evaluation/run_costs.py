"""Size and cost of a method, from the records of its training and its generation."""

from typing import Any

from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.evaluation.shapes import GenerationRun, TrainingRun


def run_costs(method: str, paths: Paths) -> dict[str, Any]:
    """Parameters, bytes, seconds, tokens per second and peak memory in MiB.

    What was not measured is None: a method that trains nothing has no seconds of training.
    """
    training = files.read_json(paths.training_run(method), TrainingRun)
    generation = files.read_json(paths.generation_run(method), GenerationRun)
    return {
        "trainable_parameters": training["trainable_parameters"],
        "total_parameters": training["total_parameters"],
        "share": training["trainable_parameters"] / training["total_parameters"],
        "needs_base": training["needs_base"],
        "bytes": training["bytes"],
        "bytes_of_ten_tasks": 10 * training["bytes"] + (training["base_bytes"] if training["needs_base"] else 0),
        "request_tokens": generation["request_tokens"],  # that the model reads for a prompt, mean
        "extra_prompt_tokens": generation["extra_prompt_tokens"],
        "inference": generation["latency"],
        "cost": _training_cost(training) | _generation_cost(generation),
    }


def _training_cost(training: dict[str, Any]) -> dict[str, float | None]:
    seconds = training.get("seconds", {})
    return {
        "train_seconds": seconds.get("train", 0.0),
        "seconds_to_best": training.get("seconds_to_best"),
        "validation_seconds": seconds.get("validation", 0.0),
        "train_tokens_per_second": training["non_padding_tokens"] / seconds["train"] if seconds else None,
        "train_peak_mib": training.get("peak_mib", {}).get("train"),
    }


def _generation_cost(generation: dict[str, Any]) -> dict[str, float | None]:
    seconds = generation["seconds"]["generate"]
    return {
        "load_peak_mib": generation["peak_mib"]["load"],
        "generate_seconds": seconds,
        "generate_tokens_per_second": generation["new_tokens"] / seconds,
        "generate_peak_mib": generation["peak_mib"]["generate"],
    }
