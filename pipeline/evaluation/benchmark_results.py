"""Benchmarks before and after training: the score of every task, and its change, paired over the items."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.differences import Difference, correct, paired_difference
from pipeline.evaluation.forgetting_metrics import BASE
from pipeline.evaluation.metrics import Metric, percent
from pipeline.evaluation.paired_proportions import accuracy_change, task_weights
from pipeline.evaluation.shapes import BenchmarkRun, ItemScore
from pipeline.parameters.score import Score

MEAN = "mean"


SCORE = Metric("score", ("score",), percent, "")


def benchmark_results(runs: Mapping[str, list[str]], changed: list[str], paths: Paths, score: Score) -> dict[str, Any]:
    """What each method's runs scored by task and as mean over tasks, and minus zero_shot where that was asked.

    runs: method -> its runs, one for each seed. changed: the methods that train something; the others leave the base as
    it is. Differences are over items, and over seeds where there are some; p is corrected for all of them (Holm).
    Raises InputError where two runs were asked other items or scored otherwise.
    """
    cards = {run: files.read_json(paths.benchmark_run(run), BenchmarkRun) for each in runs.values() for run in each}
    rows = {run: files.read_parquet(paths.benchmark_scores(run), shape=ItemScore) for run in cards}
    first = next(iter(cards))
    for run in cards:
        if signature(cards[run]) != signature(cards[first]) or items_of(rows[run]) != items_of(rows[first]):
            raise InputError(
                f"{paths.benchmark_run(run)}: {first} and {run} were asked different items: run `dvc repro` again"
            )
    tasks = [row["task"] for row in rows[first]]
    scores = {
        method: np.array([[[row["score"]] for row in rows[run]] for run in of_method])
        for method, of_method in runs.items()
    }
    return {
        "signature": signature(cards[first]),
        "items": {name: tasks.count(name) for name in dict.fromkeys(tasks)},
        "scores": {method: mean_scores(each, tasks) for method, each in scores.items()},
        "differences": differences(scores, changed, tasks, score) if BASE in scores else {},
    }


def signature(card: dict[str, Any]) -> str:
    """What must agree before two scores may be compared."""
    tasks = [
        f"{name} {task['version']}: {task['metric']}, {task['num_fewshot']} examples, "
        + (f"first {task['limit']}" if task["limit"] else "all items")
        + (f", commit {task['commit'][:8]}" if task["commit"] else "")
        for name, task in card["tasks"].items()
    ]
    return "|".join([f"lm-eval {card['lm_eval']}", *tasks])


def items_of(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["task"], row["item"]) for row in rows]


def mean_scores(scores: np.ndarray, tasks: list[str]) -> dict[str, float]:
    """Task -> its score in percent, mean over seeds, and the mean over tasks; scores are (seeds, items, 1)."""
    each = scores.mean(axis=0)[:, 0]
    names = np.array(tasks)
    found = {name: float(100 * each[names == name].mean()) for name in dict.fromkeys(tasks)}
    return {**found, MEAN: sum(found.values()) / len(found)}


def differences(
    scores: dict[str, np.ndarray], changed: list[str], tasks: list[str], score: Score
) -> dict[str, dict[str, dict[str, Any]]]:
    """Method -> task, and the mean over tasks -> its score minus that of the base.

    Of items that are right or wrong the interval is Newcombe's, which has a width where no answer changed.
    """
    names, weights = np.array(tasks), task_weights(tasks)[None, :, None] * len(tasks)
    parts = {name: (np.flatnonzero(names == name), np.ones((1, 1, 1))) for name in dict.fromkeys(tasks)}
    if len(parts) > 1:  # an item of a small task counts for more in the mean over tasks
        parts[MEAN] = (np.arange(len(tasks)), weights)
    asked = [(method, name) for method in changed for name in parts]
    found: list[Difference] = []
    for method, name in asked:
        members, weight = parts[name]
        after, before = (scores[one][:, members] for one in (method, BASE))
        change = paired_difference(after * weight, before * weight, SCORE, score, len(after))
        if np.isin(after, (0, 1)).all() and np.isin(before, (0, 1)).all():
            interval = accuracy_change(after[..., 0], before[..., 0], task_weights([tasks[item] for item in members]))
            change = replace(change, low=interval.low, high=interval.high)
        found.append(change)
    keys = ("difference", "low", "high", "p", "p_holm", "significant")
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for (method, name), each in zip(asked, correct(found)):
        results.setdefault(method, {})[name] = {key: getattr(each, key) for key in keys}
    return results
