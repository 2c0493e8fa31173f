"""The paired test of benchmarks/paired.py, on differences whose answer is known."""

import numpy as np
import pytest

from benchmarks import paired
from pipeline import records
from pipeline.score import _scorer


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_equal_systems_are_never_told_apart(rng):
    assert paired.p_value(np.zeros(50), rng) == 1.0
    assert paired.interval(np.zeros(50), rng) == (0.0, 0.0)


def test_a_steady_difference_is_found(rng):
    differences = 2 + rng.normal(size=100)
    assert paired.p_value(differences, rng) < 0.001
    low, high = paired.interval(differences, rng)
    assert 1.6 < low < differences.mean() < high < 2.4


def test_chance_is_called_real_about_as_often_as_promised(rng):
    p = [paired.p_value(rng.normal(size=30), rng) for _ in range(200)]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.11


def test_rouge1_is_the_mean_over_references(tmp_path):
    rows = [
        {"id": "a", "prediction": "the red fox", "references": ["the red fox", "a blue bird"]},
        {"id": "b", "prediction": "yes", "references": ["no", "no no"]},
    ]
    records.write(tmp_path / "lora.jsonl", rows)
    assert paired.rouge1(tmp_path / "lora.jsonl", _scorer(True)).tolist() == [50.0, 0.0]
