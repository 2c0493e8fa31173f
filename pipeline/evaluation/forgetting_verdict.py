"""Does training a part of the model forget less than training all of it? Pairs of methods, and the answer in words."""

from dataclasses import asdict
from typing import Any

from pipeline.core.paths import Paths
from pipeline.evaluation.differences import format_change
from pipeline.evaluation.forgetting_metrics import (
    BASE,
    check_same_questions,
    correct_answers,
    read_answers,
    readings_of,
)
from pipeline.evaluation.paired_proportions import accuracy_change, task_weights

System = dict[str, Any]
FORGETTING_FIGURES = ("by_choice", "written")  # the first that was measured: what is known, without its form
WORDS = {"by_choice": "by the likeliest choice", "written": "in the wanted form"}


def compare_forgetting(systems: list[System], runs: dict[str, list[str]], paths: Paths) -> dict[str, Any]:
    """`differences` of each adapter from each wholly trained method, and `sentences` on what was forgotten.

    systems: rows of the comparison that have `forgetting` (of methods). runs: method -> its runs. A positive difference
    is an adapter that forgets less, in points of the mean over tasks, with its 95 % interval over questions and seeds.
    """
    trained = [row for row in systems if row.get("trainable_parameters")]
    adapters = [row["name"] for row in trained if row["needs_base"]]
    whole = [row["name"] for row in trained if not row["needs_base"]]
    differences = [
        {"first": adapter, "second": full, **difference}
        for adapter in adapters
        for full in whole
        for difference in forgetting_differences(runs[adapter], runs[full], paths)
    ]
    return {"differences": differences, "sentences": forgetting_sentences(trained, differences)}


def forgetting_differences(first: list[str], second: list[str], paths: Paths) -> list[dict[str, Any]]:
    """The runs of one method minus those of another in each reading: reading, mean, low, high."""
    after, before = read_answers(first, paths), read_answers(second, paths)
    check_same_questions(first + second, after + before, paths)
    found = []
    for reading in readings_of(after[0]):
        tasks = [row["task"] for row in after[0] if reading in row["correct"]]
        of_reading = correct_answers(after, reading), correct_answers(before, reading)
        found.append({"reading": reading, **asdict(accuracy_change(*of_reading, task_weights(tasks)))})
    return found


def forgetting_figure(system: System) -> str:
    """The reading that says how much a method forgot."""
    return next(reading for reading in FORGETTING_FIGURES if reading in system["forgetting"]["readings"])


def forgetting_sentences(trained: list[System], differences: list[dict[str, Any]]) -> list[str]:
    """The change of every trained method, then each adapter against each wholly trained method."""
    if not trained:
        return []
    figure, over = forgetting_figure(trained[0]), _scope(trained)
    pairs = [_pair_sentence(pair, over) for pair in differences if pair["reading"] == figure]
    changes = [
        (row["name"], row["forgetting"]["readings"][figure]["change"]["mean"])
        for row in trained
        if "change" in row["forgetting"]["readings"][figure]
    ]
    if not changes:
        return pairs
    each = ", ".join(f"{name} {describe_change(change)}" for name, change in changes)
    title = f"Change in accuracy against {BASE}, {WORDS[figure]}"
    return [f"{title}, in points with 95 % intervals {over}: {each}.", *pairs]


def _scope(trained: list[System]) -> str:
    """What the intervals are over."""
    counts = {row["forgetting"]["runs"] for row in trained}
    if counts == {1}:
        return "over questions, one training each"
    return f"over questions and {min(counts - {1})} seeds"


def _pair_sentence(pair: dict[str, Any], over: str) -> str:
    first, second, figures = pair["first"], pair["second"], _figures(pair)
    if pair["low"] > 0 or pair["high"] < 0:
        direction = "less" if pair["low"] > 0 else "more"
        return f"{first} forgets {direction} than {second}: the difference is {figures} points {over}."
    sentence = f"Whether {first} forgets less than {second} is open: the difference is {figures} points {over}"
    return f"{sentence}; a loss of up to {-pair['low']:.1f} points more is not ruled out."


def describe_change(change: dict[str, float]) -> str:
    """A change with its interval and, where that contains 0, the loss that is not ruled out."""
    open_loss = (
        f" (a loss of up to {-change['low']:.1f} is not ruled out)" if change["low"] < 0 <= change["high"] else ""
    )
    return f"{_figures(change)}{open_loss}"


def _figures(change: dict[str, float]) -> str:
    return format_change(change["mean"], change["low"], change["high"])
