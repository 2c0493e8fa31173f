"""Metric groups: what is in each, which system is the best, and which differences from it are shown."""

import numpy as np
import pytest

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.metric_groups import Measured, metric_groups, summary
from pipeline.evaluation.metrics import Metric, mean
from pipeline.evaluation.tasks.classification import Classification
from pipeline.evaluation.tasks.summarization import Summarization
from pipeline.parameters.metrics import Metrics
from tests import tiny
from tests.systems import FAIR, GOOD, POOR, RECORDS, settings, write_method, write_scores, write_seeds

NAMES = ("zero_shot", "lora", "full")
ALL = tiny.section(
    "metrics", Metrics, perturbations={"typos": {"share": 0.1}, "genders": {}}, judges={"base_likelihood": {}}
)
POINTS = Metric("points", ("points",), mean, "")


@pytest.fixture
def paths(tmp_path) -> Paths:
    """Three methods: zero_shot is poor and always sure, full is good and knows when it is right."""
    paths = Paths(tmp_path)
    for name, texts in zip(NAMES, (POOR, FAIR, GOOD)):
        write_method(paths, name, texts, known=[True] * 20)
    return paths


def groups(paths: Paths, metrics: Metrics, names=NAMES, kind=Summarization) -> dict[str, dict]:
    rows = {name: files.read_parquet(paths.example_scores(name)) for name in names}
    systems = [{"name": name, **files.read_json(paths.scores(name))} for name in names]
    runs = {name: [name] for name in names if paths.answers(name).exists()}
    found = metric_groups(systems, rows, runs, kind, paths, settings(), metrics)
    return {metric["name"]: metric for metric in found}


def test_the_free_metrics_are_those_that_need_nothing_more(paths):
    found = groups(paths, tiny.section("metrics", Metrics))
    assert {name: metric["group"] for name, metric in found.items()} == {
        **dict.fromkeys(("ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum", "BLEU"), "Quality"),
        "supported entities": "Faithfulness",
        "answers as written": "Other abilities",
        "answers by choice": "Other abilities",
    }
    assert found["ROUGE-1"]["systems"]["full"] == files.read_json(paths.scores("full"))["scores"]["rouge1"]
    assert found["ROUGE-1"]["best"] == "full"
    assert set(found["ROUGE-1"]["differences"]) == {"zero_shot", "lora"}
    assert found["ROUGE-1"]["differences"]["zero_shot"]["significant"]
    assert found["ROUGE-1"]["differences"]["zero_shot"]["difference"] < -30


def test_supported_entities_are_a_share_of_all_that_are_claimed(paths):
    wrong = [text.replace("Monday", "Tuesday") for text in GOOD]  # one of two claims: the number of the order is right
    write_scores(paths, "lora", wrong)
    found = groups(paths, tiny.section("metrics", Metrics))["supported entities"]
    assert found["systems"]["full"]["mean"] == 100
    assert found["systems"]["lora"]["mean"] == 50
    assert found["differences"]["lora"]["difference"] == -50
    assert found["differences"]["lora"]["significant"]


def perturb(paths: Paths, name: str, loss: float, perturbations=("typos", "genders")) -> None:
    rows = files.read_parquet(paths.example_scores(name))[:20]
    table = [
        {"perturbation": one, **row, "rouge1": row["rouge1"] - loss * (one == "typos")}
        for one in perturbations
        for row in rows
    ]
    files.write_parquet(paths.robustness(name), table)


def judge(paths: Paths, values: dict[str, float]) -> None:
    rows = [
        {"system": name, "seed": None, "id": record["id"], "value": value + (number % 3) / 10}
        for name, value in values.items()
        for number, record in enumerate(RECORDS)
    ]
    files.write_parquet(paths.judged("base_likelihood"), rows)


def test_perturbations_and_judges_are_differences_on_the_same_examples(paths):
    for name, loss in zip(NAMES, (0.0, 8.0, 2.0)):
        perturb(paths, name, loss)
    judge(paths, {"references": 2.0, "zero_shot": 0.0, "lora": 1.0, "full": 1.0})
    found = groups(paths, ALL)
    typos = found["typos"]
    assert (typos["group"], found["genders"]["group"]) == ("Robustness", "Fairness")
    assert {name: round(one["mean"], 6) for name, one in typos["systems"].items()} == {
        "zero_shot": 0,
        "lora": -8,
        "full": -2,
    }
    assert typos["best"] == "zero_shot" and typos["items"] == 20
    assert found["genders"]["systems"]["lora"] == {"mean": 0, "low": 0, "high": 0}
    likelier = found["likelier after its own input"]
    assert likelier["people"] == pytest.approx(2.1, abs=0.01)
    assert likelier["systems"]["full"]["mean"] == pytest.approx(1.1, abs=0.01)
    assert not likelier["differences"]["full" if likelier["best"] == "lora" else "lora"]["significant"]
    assert likelier["differences"]["zero_shot"]["significant"]


def test_what_a_stage_did_not_measure_is_said_with_what_measures_it(paths):
    judge(paths, dict.fromkeys(("references", *NAMES), 1.0))
    for name in NAMES:
        perturb(paths, name, 1.0, ("typos",))
    with pytest.raises(
        InputError, match=r"robustness/zero_shot.parquet: .*nothing of genders.*dvc repro -f -s robustness@zero_s"
    ):
        groups(paths, ALL)
    judge(paths, {"references": 1.0, "zero_shot": 1.0, "lora": 1.0})
    with pytest.raises(
        InputError, match=r"judges/base_likelihood.parquet: .*nothing of full.*dvc repro -f -s judge@base_likelih"
    ):
        groups(paths, ALL)


def test_confidence_in_answers_is_compared_with_how_many_are_right(paths):
    for name, sure in zip(NAMES, (1.0, 0.55, 0.75)):
        answers = files.read_jsonl(paths.answers(name))
        for number, row in enumerate(answers):
            row["confidence"] = sure
            row["correct"]["by_choice"] = number % 4 != 0  # three of four
        files.write_jsonl(paths.answers(name), answers)
    found = groups(paths, tiny.section("metrics", Metrics))["error of confidence, questions"]
    assert {name: round(one["mean"], 6) for name, one in found["systems"].items()} == {
        "zero_shot": 25,
        "lora": 20,
        "full": 0,
    }
    assert found["best"] == "full" and not found["higher_is_better"]
    assert found["by_chance"]["zero_shot"] == 0
    assert 4 < found["by_chance"]["full"] < 12


def test_likelihood_is_compared_with_quality_where_it_is_known(paths):
    rows = files.read_parquet(paths.example_scores("full"))
    for number, row in enumerate(rows):
        row["rouge1"] = float(number)
        row["nats"] = 3 - row["rouge1"] / 100
    files.write_parquet(paths.example_scores("full"), rows)
    found = groups(paths, tiny.section("metrics", Metrics))["likelier is better"]
    assert set(found["systems"]) == {"full"} and found["differences"] == {}
    assert found["systems"]["full"]["mean"] == pytest.approx(1)


def test_an_external_system_has_the_metrics_that_need_its_texts_alone(paths):
    write_scores(paths, "published", GOOD)
    found = groups(paths, tiny.section("metrics", Metrics), (*NAMES, "published"))
    assert "published" in found["supported entities"]["systems"]
    assert "published" not in found["answers by choice"]["systems"]


def test_without_methods_there_is_quality_and_faithfulness(paths):
    write_scores(paths, "published", GOOD)
    found = groups(paths, tiny.section("metrics", Metrics, perturbations={"typos": {"share": 0.1}}), ("published",))
    assert {metric["group"] for metric in found.values()} == {"Quality", "Faithfulness"}


def test_labels_have_confidence_of_their_own(paths):
    rows = [
        {
            **{"id": str(n), "seed": None, "prediction": "a", "label": "a", "written": "a", "chosen": "a"},
            **{"accuracy": 1.0, "accuracy_by_choice": float(n % 2), "confidence": 0.5, "nats": 0.1},
        }
        for n in range(20)
    ]
    score = {"mean": 50.0, "low": 40.0, "high": 60.0}
    systems = [{"name": "full", "scores": dict.fromkeys(Classification.metrics, score)}]
    found = metric_groups(
        systems, {"full": rows}, {}, Classification, paths, settings(), tiny.section("metrics", Metrics)
    )
    by_name = {metric["name"]: metric for metric in found}
    assert by_name["error of confidence"]["systems"]["full"]["mean"] == pytest.approx(0)
    assert "supported entities" not in by_name


@pytest.mark.parametrize("seeds", [1, 3])
def test_equal_systems_are_level_with_the_best_nineteen_times_in_twenty(seeds):
    """Of three systems between which nothing differs but chance, one is said to be worse in one row of twenty."""
    rng = np.random.default_rng(0)
    wrong = []
    for _ in range(120):
        shared = rng.normal(size=(1, 60, 1))
        values = {name: shared + rng.normal(size=(seeds, 60, 1)) for name in NAMES}
        found = summary(Measured("Quality", POINTS, "", values, dict.fromkeys(NAMES, seeds)), settings(resamples=400))
        wrong.append(any(one["significant"] for one in found["differences"].values()))
    assert np.mean(wrong) < 0.09


def test_seeds_are_kept_apart(paths):
    write_seeds(paths, "lora", {1: FAIR, 2: GOOD})
    rows = {"lora": files.read_parquet(paths.example_scores("lora"))}
    systems = [{"name": "lora", **files.read_json(paths.scores("lora"))}]
    found = metric_groups(systems, rows, {}, Summarization, paths, settings(), tiny.section("metrics", Metrics))
    assert found[0]["items"] == len(RECORDS)
    assert found[0]["systems"]["lora"] == systems[0]["scores"]["rouge1"]
    assert all(one["low"] <= one["mean"] <= one["high"] for row in found for one in row["systems"].values())
