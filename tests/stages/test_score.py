"""The stages score and external: the same scores, of a method's predictions and of a file from anywhere."""

import pytest

from pipeline import external, score
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from tests.evaluation.examples import RECORDS, ROWS
from tests.systems import SUMMARIES, settings


@pytest.fixture
def paths(tmp_path) -> Paths:
    paths = Paths(tmp_path)
    files.write_jsonl(paths.records("test"), RECORDS)
    files.write_jsonl(paths.predictions("lora-1"), ROWS)
    score.run("lora", paths, seeds_of={"lora": [1]}, task=SUMMARIES, score=settings())
    return paths


def test_a_method_gets_scores_a_row_for_each_dialogue_and_metrics(paths):
    scores = files.read_json(paths.scores("lora"))
    assert scores["examples"] == 3
    assert [row["id"] for row in files.read_parquet(paths.example_scores("lora"))] == ["a", "b", "c"]
    means = {name: round(each["mean"], 2) for name, each in scores["scores"].items()}
    assert files.read_json(paths.metrics("lora")) == means


def test_an_external_system_is_scored_like_a_method(paths):
    files.write_parquet(paths.root / "published.parquet", [row | {"model": "another"} for row in ROWS])
    external.run("published", paths, task=SUMMARIES, score=settings(external={"published": "published.parquet"}))
    own, theirs = (files.read_json(paths.scores(name)) for name in ("lora", "published"))
    assert own["by_seed"] == {"1": {name: each["mean"] for name, each in own["scores"].items()}}
    assert theirs == own | {"by_seed": {}}
    assert files.read_json(paths.metrics("published")) == files.read_json(paths.metrics("lora"))
    assert paths.example_scores("published").exists()


def test_an_external_file_with_a_wrong_row_stops_the_stage_and_names_it(paths):
    files.write_jsonl(paths.root / "p.jsonl", [*ROWS, {"id": "d", "prediction": "x"}])
    with pytest.raises(InputError, match=r"p.jsonl:4: id 'd' is none of the 3 examples"):
        external.run("published", paths, task=SUMMARIES, score=settings(external={"published": "p.jsonl"}))


def test_an_external_system_that_params_do_not_name_is_refused(paths):
    with pytest.raises(InputError, match=r"score\.external: no system 'api'; there are published"):
        external.run("api", paths, task=SUMMARIES, score=settings(external={"published": "p.jsonl"}))


def test_scores_of_several_seeds_are_means_and_every_seed_keeps_its_rows(paths):
    """Of BLEU too, which is no mean over examples."""
    worse = [row | {"prediction": "Nothing."} for row in ROWS[:1]] + ROWS[1:]
    files.write_jsonl(paths.predictions("lora-2"), worse)
    for seeds in ([1], [2], [1, 2]):
        score.run("lora", paths, seeds_of={"lora": seeds}, task=SUMMARIES, score=settings())
        found = files.read_json(paths.scores("lora"))
        if len(seeds) == 1:
            alone = {name: each["mean"] for name, each in found["scores"].items()}
            continue
        assert list(found["by_seed"]) == ["1", "2"] and found["by_seed"]["2"] == pytest.approx(alone)
    for name, each in found["scores"].items():
        assert each["mean"] == pytest.approx(sum(points[name] for points in found["by_seed"].values()) / 2)
        assert each["low"] <= each["mean"] <= each["high"]
    rows = files.read_parquet(paths.example_scores("lora"))
    assert [(row["seed"], row["id"]) for row in rows] == [(seed, key) for seed in (1, 2) for key in ("a", "b", "c")]
    assert found["examples"] == 3


def test_a_method_that_is_not_chosen_is_refused(paths):
    with pytest.raises(InputError, match="no method 'full' is chosen; there are lora"):
        score.run("full", paths, seeds_of={"lora": [1]}, task=SUMMARIES, score=settings())
