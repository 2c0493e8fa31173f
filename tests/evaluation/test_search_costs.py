"""The search for a learning rate: which recorded sweep is of a training, and what makes searches unequal."""

import pytest

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.search_costs import read_sweeps, search_cost, search_notes

TRAINING = {"setting": "aaaa", "learning_rate": 0.003}


def sweep(values=(0.001, 0.003, 0.01), setting="aaaa", method="lora", parameter="lora.learning_rate") -> dict:
    points = [{"value": value, "setting": setting, "trainings": 3, "train_cpu_seconds": 50.0} for value in values]
    return {"parameter": parameter, "series": [{"method": method, "best": 0.003, "points": points}]}


def test_a_search_is_the_sum_of_its_tries():
    assert search_cost("lora", TRAINING, [sweep()]) == {
        "values": [0.001, 0.003, 0.01],
        "trainings": 9,
        "cpu_seconds": 450.0,
        "best": 0.003,
        "used": 0.003,
    }


@pytest.mark.parametrize(
    "other",
    [
        sweep(setting="bbbb"),
        sweep(parameter="lora.r"),
        sweep(method="full", parameter="full.learning_rate"),
        {"parameter": "lora.learning_rate", "series": [{"method": "lora", "best": 1, "points": [{"value": 1}]}]},
    ],
    ids=["other data", "other parameter", "other method", "an old file"],
)
def test_a_sweep_of_anything_else_is_no_search(other):
    assert search_cost("lora", TRAINING, [other]) is None
    assert search_cost("lora", TRAINING, [other, sweep()])["trainings"] == 9


def test_of_two_searches_the_longer_counts():
    assert search_cost("lora", TRAINING, [sweep((0.003, 0.01)), sweep(), sweep((0.001,))])["trainings"] == 9


def test_a_record_of_an_earlier_version_has_no_search():
    assert search_cost("lora", {}, [sweep(setting=None)]) is None


def test_equal_searches_with_the_best_inside_need_no_note():
    search = search_cost("lora", TRAINING, [sweep()])
    assert search_notes({"lora": search, "full": search}) == []


def test_what_makes_searches_unequal_is_said():
    search = search_cost("lora", TRAINING, [sweep()])
    longer = search | {"values": [0.001, 0.002, 0.003, 0.01], "used": 0.01}
    edge = search | {"values": [0.003, 0.01, 0.03]}
    assert search_notes({"lora": None}) == [
        "Learning rate of lora: not searched for with these data, this model and these parameters, so a better value "
        "may exist (docs/experiments.md)."
    ]
    assert search_notes({"lora": None, "full": None, "ia3": None})[0].startswith(
        "Learning rates of lora, full and ia3: "
    )
    assert search_notes({"lora": search, "full": longer}) == [
        "The searches tried different numbers of values: lora 3 and full 4. That favours the longer search.",
        "full is trained with learning rate 0.01; 0.003 was the best in its search.",
    ]
    assert search_notes({"lora": edge}) == [
        "lora: the best learning rate is at the edge of the search, so one beyond may be better."
    ]


def test_a_damaged_sweep_is_refused(tmp_path):
    paths = Paths(tmp_path)
    files.write_json(paths.sweeps / "one.json", {"parameter": "lora.r"})
    with pytest.raises(InputError, match=r"one\.json: cut short or changed by hand"):
        read_sweeps(paths)
    files.write_json(paths.sweeps / "one.json", sweep())
    assert read_sweeps(paths)[0]["parameter"] == "lora.learning_rate"
