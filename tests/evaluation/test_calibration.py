"""Calibration: against the definitions, against SciPy, and on models that are calibrated by construction."""

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation import calibration
from pipeline.evaluation.calibration import CALIBRATION_ERROR, RANK_CORRELATION, confidence_bins, rank_columns
from pipeline.evaluation.crossed import analyse, mean_score, pseudo_values
from pipeline.evaluation.tasks import METRICS


def error(confidences, right) -> float:
    rows = [{"confidence": sure, "right": hit} for sure, hit in zip(confidences, right)]
    return mean_score(confidence_bins(rows, lambda row: row["right"])[None], CALIBRATION_ERROR.score)


def test_the_error_of_confidence_is_guos():
    rng = np.random.default_rng(0)
    sure = rng.random(200)
    right = (rng.random(200) < sure**2).astype(float)
    expected = 0.0
    for one in range(10):
        inside = (sure >= one / 10) & (sure < (one + 1) / 10)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert error(sure, right) == pytest.approx(100 * expected)


def test_a_model_that_is_always_sure_is_off_by_what_it_gets_wrong():
    assert error([1.0] * 10, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]) == pytest.approx(70)
    assert error([1.0] * 10, [1] * 10) == 0


def test_what_chance_alone_shows_is_near_zero_for_many_answers_and_not_for_few():
    rng = np.random.default_rng(1)
    few, many = rng.uniform(0.3, 1, 50), rng.uniform(0.3, 1, 20_000)
    assert calibration.error_by_chance(many.tolist()) < 1
    by_chance = calibration.error_by_chance(few.tolist())
    assert 8 < by_chance < 18
    shown = [error(few, (rng.random(50) < few).astype(float)) for _ in range(300)]
    assert np.mean(shown) == pytest.approx(by_chance, abs=1)


def test_likelihood_and_score_are_correlated_as_scipy_says():
    rng = np.random.default_rng(2)
    nats, scores = rng.integers(0, 20, 80) / 10, rng.integers(0, 30, 80)
    rows = [{"id": str(n), "nats": a, "rouge1": b} for n, (a, b) in enumerate(zip(nats.tolist(), scores.tolist()))]
    found = mean_score(rank_columns(rows, METRICS["rouge1"])[None], RANK_CORRELATION.score)
    assert found == pytest.approx(stats.spearmanr(-nats, scores).statistic)


def test_empty_outputs_are_the_least_likely_and_equal_ones_say_nothing():
    rows = [
        {"id": str(n), "nats": nats, "rouge1": score} for n, (nats, score) in enumerate([(None, 0), (2, 1), (1, 2)])
    ]
    assert mean_score(rank_columns(rows, METRICS["rouge1"])[None], RANK_CORRELATION.score) == pytest.approx(1)
    same = [row | {"nats": 1.0} for row in rows]
    assert mean_score(rank_columns(same, METRICS["rouge1"])[None], RANK_CORRELATION.score) == 0


@pytest.mark.parametrize("examples", [40, 150])
def test_intervals_of_the_correlation_hold_the_truth_nineteen_times_in_twenty(examples):
    """Three trainings of one model: what an example is worth is shared, the rest is each training's own."""
    rng = np.random.default_rng(3)

    def draw(size: int) -> np.ndarray:
        quality = rng.normal(size=(1, size)) + rng.normal(size=(3, size))
        likelihood = quality + rng.normal(size=(1, size)) + rng.normal(size=(3, size))
        return np.stack([columns(one, other) for one, other in zip(likelihood, quality)])

    def columns(likelihood: np.ndarray, quality: np.ndarray) -> np.ndarray:
        x, y = calibration.ranks(likelihood), calibration.ranks(quality)
        return np.stack([x, y, x * y, x * x, y * y], axis=1)

    truth = mean_score(draw(100_000), RANK_CORRELATION.score)
    held = []
    for _ in range(200):
        values = draw(examples)
        center = mean_score(values, RANK_CORRELATION.score)
        low, high = analyse(pseudo_values(values, RANK_CORRELATION.score), center).interval()
        held.append(low <= truth <= high)
    assert 0.90 < np.mean(held) < 0.99
