"""What each method forgot: accuracy in two readings with its chance level, by task, and loss on held-out text."""

from collections.abc import Callable
from typing import Any

from pipeline.evaluation.forgetting_metrics import BASE
from pipeline.reporting.cells import EMPTY, Cell, Changed, Number, Text
from pipeline.reporting.page import Column, Columns, Table, build_table

System = dict[str, Any]
TITLES = {
    "by_choice": "still known (by choice)",
    "by_choice_norm": "per character",
    "written": "in the wanted form",
}
MEANINGS = {
    "by_choice": "The choice of the highest log-likelihood is the answer, in percent; mean over tasks.",
    "by_choice_norm": "The choice of the highest log-likelihood per character is the answer, in percent.",
    "written": "What the model writes is the answer, in percent; mean over tasks.",
}
CHANCE = {"most_frequent": "chance: most frequent answer", "random_choice": "chance: random choice"}


def reading_order(methods: list[System]) -> list[str]:
    """The readings that were measured; what is known stands before its form."""
    return [reading for reading in TITLES if reading in methods[0]["forgetting"]["readings"]]


def forgetting(methods: list[System]) -> Table:
    """The mean over tasks in each reading, its change against the base, and what is left with the adapter off."""
    columns: Columns = [(Column("method", align="left"), lambda row: Text(CHANCE.get(row["name"], row["name"])))]
    for reading in reading_order(methods):
        columns.append((Column(TITLES[reading], MEANINGS[reading]), _mean_accuracy(reading)))
        if _has_changes(methods) and reading != "by_choice_norm":
            meaning = "Points more than the base, with the 95 % interval (Newcombe)."
            columns.append((Column(f"minus {BASE}", meaning), _mean_change(reading)))
    meaning = "What the model can do when the method is switched off after training."
    columns.append((Column("adapter off", meaning, align="left"), _adapter_off))
    chance = [{"name": kind, "chance": _chance(methods[0], kind)} for kind in CHANCE]
    items = [*methods, *(row for row in chance if row["chance"])]
    return build_table("Accuracy", columns, items, show_name=True, muted=_is_chance)


def _is_chance(row: System) -> bool:
    return "chance" in row


def _chance(method: System, kind: str) -> dict[str, dict[str, float]]:
    """Reading -> task -> the chance level of that kind, where the reading has it."""
    readings = method["forgetting"]["readings"]
    return {name: reading["chance"][kind] for name, reading in readings.items() if kind in reading["chance"]}


def _mean_accuracy(reading: str) -> Callable[[System], Cell | None]:
    def cell(row: System) -> Cell | None:
        if _is_chance(row):
            return Number(row["chance"][reading]["mean"]) if reading in row["chance"] else EMPTY
        return Number(row["forgetting"]["readings"][reading]["accuracy"]["mean"])

    return cell


def _mean_change(reading: str) -> Callable[[System], Cell | None]:
    def cell(row: System) -> Cell | None:
        if _is_chance(row) or row["name"] == BASE:
            return EMPTY
        change = row["forgetting"]["readings"][reading].get("change")
        return Changed(**change["mean"]) if change else Text("base unchanged")

    return cell


def _adapter_off(row: System) -> Cell:
    if _is_chance(row) or not row["trainable_parameters"]:
        return EMPTY
    return Text("the base, by construction" if row["needs_base"] else "cannot be turned off")


def _has_changes(methods: list[System]) -> bool:
    return any("text_loss_change" in row["forgetting"] for row in methods)


def by_task(methods: list[System]) -> list[Table]:
    """What is still known and what is in the wanted form, with a row for each task."""
    return [_by_task(methods, reading) for reading in reading_order(methods) if reading != "by_choice_norm"]


def _by_task(methods: list[System], reading: str) -> Table:
    """Chance levels, the base, and the accuracy of each method with its change.

    Where the base was measured, methods that leave it unchanged are left out.
    """
    measured = methods[0]["forgetting"]["readings"][reading]
    shown = [row for row in methods if row["trainable_parameters"] or row["name"] == BASE or not _has_changes(methods)]
    columns: Columns = [(Column("task", align="left"), lambda task: Text(task))]
    columns += [_chance_column(kind, shares) for kind, shares in measured["chance"].items()]
    columns += [_method_column(row, reading) for row in shown]
    return build_table(f"{TITLES[reading].capitalize()}, by task", columns, measured["accuracy"], show_name=True)


def _chance_column(kind: str, shares: dict[str, float]) -> tuple[Column, Callable[[str], Cell | None]]:
    meanings = {
        "most_frequent": "Right answers if the task's most frequent answer is always given, in percent.",
        "random_choice": "Right answers if a choice is drawn at random, in percent.",
    }
    return Column(CHANCE[kind], meanings[kind]), lambda task: Number(shares[task], 0)


def _method_column(row: System, reading: str) -> tuple[Column, Callable[[str], Cell | None]]:
    measured = row["forgetting"]["readings"][reading]

    def cell(task: str) -> Cell:
        accuracy = measured["accuracy"][task]
        return Changed(**measured["change"][task], value=accuracy) if "change" in measured else Number(accuracy)

    meaning = f"In percent; in brackets the points more than {BASE}, with the 95 % interval (Newcombe)."
    return Column(row["name"], meaning if "change" in measured else ""), cell


def text_loss(methods: list[System]) -> Table:
    """The loss on held-out text, and its change against the base."""
    columns: Columns = [
        (Column("method", align="left"), lambda row: Text(row["name"])),
        (Column("nats per token"), lambda row: Number(row["forgetting"]["text_loss"], 3)),
    ]
    if _has_changes(methods):
        meaning = "The change against the base, with its paired bootstrap interval (95 %)."
        columns.append((Column(f"minus {BASE}", meaning), _text_loss_change))
    return build_table("Loss on held-out text", columns, methods, show_name=True)


def _text_loss_change(row: System) -> Cell:
    if row["name"] == BASE:
        return EMPTY
    change = row["forgetting"].get("text_loss_change")
    return Changed(**change, digits=3) if change else Text("base unchanged")
