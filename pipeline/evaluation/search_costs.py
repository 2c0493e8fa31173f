"""What the search for a method's learning rate cost, from recorded sweeps.

A comparison of methods favours the one whose learning rate was looked for with more tries. So the table says how many
there were, on validation, for these data, this model and these parameters of the method: a search of anything else does
not count (`setting_hash` of the stage `train` tells them apart).
"""

from collections.abc import Iterable
from typing import Any, NotRequired

from typing_extensions import TypedDict

from pipeline.core import files
from pipeline.core.messages import join_names
from pipeline.core.paths import Paths


class SweptPoint(TypedDict):
    """A value that was tried; keys that a search does not need are left out here. Points of old sweeps lack three."""

    value: Any
    setting: NotRequired[str | None]
    trainings: NotRequired[int]
    train_cpu_seconds: NotRequired[Any]


class SweptSeries(TypedDict):
    method: str
    best: Any
    points: list[SweptPoint]


class RecordedSweep(TypedDict):
    """A JSON file of reports/sweeps."""

    parameter: str
    series: list[SweptSeries]


def read_sweeps(paths: Paths) -> list[Any]:
    """Each RecordedSweep, by name of their file. Raises InputError where one is damaged."""
    return [files.read_json(path, RecordedSweep) for path in sorted(paths.sweeps.glob("*.json"))]


def search_cost(method: str, training: dict[str, Any], sweeps: Iterable[Any]) -> dict[str, Any] | None:
    """The values that were tried for the method's learning rate, the trainings and CPU seconds that this took, the best
    value and the one that is used; None where no recorded search is of the same data, model and parameters.

    training: the record of one of its trainings. Of several searches the one with the most values counts.
    """
    if "setting" not in training:
        return None
    found = [
        (points, series["best"])
        for sweep in sweeps
        if sweep["parameter"] == f"{method}.learning_rate"
        for series in sweep["series"]
        if series["method"] == method
        and (points := [point for point in series["points"] if point.get("setting") == training["setting"]])
    ]
    if not found:
        return None
    points, best = max(found, key=lambda search: len(search[0]))
    return {
        "values": sorted(point["value"] for point in points),
        "trainings": sum(point["trainings"] for point in points),
        "cpu_seconds": sum(point["trainings"] * point["train_cpu_seconds"] for point in points),
        "best": best,
        "used": training["learning_rate"],
    }


def search_notes(searches: dict[str, dict[str, Any] | None]) -> list[str]:
    """Sentences about the searches of the trained methods: who had none, or fewer tries, or does not use the best."""
    unsearched = [name for name, search in searches.items() if search is None]
    done = {name: search for name, search in searches.items() if search}
    notes = []
    if unsearched:
        rates = "rate" if len(unsearched) == 1 else "rates"
        notes.append(
            f"Learning {rates} of {join_names(unsearched)}: not searched for with these data, this model and these "
            "parameters, so a better value may exist (docs/experiments.md)."
        )
    if len({len(search["values"]) for search in done.values()}) > 1:
        counts = join_names([f"{name} {len(search['values'])}" for name, search in done.items()])
        notes.append(f"The searches tried different numbers of values: {counts}. That favours the longer search.")
    for name, search in done.items():
        if search["best"] != search["used"]:
            notes.append(
                f"{name} is trained with learning rate {search['used']:g}; {search['best']:g} was the best in its "
                "search."
            )
        elif search["used"] in (search["values"][0], search["values"][-1]):
            notes.append(f"{name}: the best learning rate is at the edge of the search, so one beyond may be better.")
    return notes
