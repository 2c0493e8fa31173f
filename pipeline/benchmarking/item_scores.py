"""A score for each item of a task, from what lm-eval logs: what is paired between methods."""

from typing import Any

from pipeline.core.errors import InputError

CORPUS_METRICS = ("f1", "mcc")  # of two lists of labels


def item_scores(name: str, samples: list[dict[str, Any]], metrics: list[str]) -> tuple[str, list[dict[str, Any]]]:
    """The metric's name, and rows of item, task and score (0 to 1), in the order of the items.

    The first of the task's metrics that is a number from 0 to 1 for each item; where it has only F1 or MCC of a whole
    corpus, whose items are pairs of labels, whether these are equal. Of several filters of one answer the first counts.
    """
    first = samples[0]["filter"]
    samples = [sample for sample in samples if sample["filter"] == first]
    for metric in metrics:
        if all(_is_share(sample.get(metric)) for sample in samples):
            return metric, [_row(name, sample, float(sample[metric])) for sample in samples]
    for metric in metrics:
        if metric in CORPUS_METRICS and all(_is_pair(sample.get(metric)) for sample in samples):
            rows = [_row(name, sample, float(sample[metric][0] == sample[metric][1])) for sample in samples]
            return "equal answers", rows
    raise InputError(f"benchmark.tasks.{name}: no metric of {', '.join(metrics)} scores an item from 0 to 1")


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(label, int) for label in value)


def _row(name: str, sample: dict[str, Any], score: float) -> dict[str, Any]:
    return {"task": name, "item": f"{sample['doc_id']}-{sample['doc_hash'][:12]}", "score": score}
