"""Nearest tokens, block by block, against all at once; and what is near in a vocabulary."""

import tracemalloc

import numpy as np
import pytest
from scipy.stats import binom

from pipeline.evaluation import nearest_tokens, soft_prompts
from pipeline.evaluation.nearest_tokens import Vocabulary, clusters, cosine, dot, minus_l2, nearest, usual_nearness

RNG = np.random.default_rng(5)
ROWS = RNG.normal(size=(503, 7))
VECTORS = 3 * RNG.normal(size=(11, 7))


def vocabulary_of(rows: np.ndarray) -> Vocabulary:
    return Vocabulary(lambda ids: rows[ids], np.ones(len(rows), dtype=bool))


@pytest.mark.parametrize("block", [7, 7 * 100, 7 * 10**4])
@pytest.mark.parametrize("measure", [cosine, dot, minus_l2])
def test_the_nearest_of_blocks_are_the_nearest_of_all(monkeypatch, block, measure):
    monkeypatch.setattr(nearest_tokens, "BLOCK", block)
    expected = {
        cosine: VECTORS @ ROWS.T / np.linalg.norm(VECTORS, axis=1)[:, None] / np.linalg.norm(ROWS, axis=1),
        dot: VECTORS @ ROWS.T,
        minus_l2: -np.linalg.norm(VECTORS[:, None] - ROWS, axis=2),
    }[measure]
    ids, values = nearest(VECTORS, vocabulary_of(ROWS), 4, measure)
    assert (ids == np.argsort(-expected, axis=1)[:, :4]).all()
    np.testing.assert_allclose(values, -np.sort(-expected, axis=1)[:, :4])


def test_of_equal_tokens_the_lower_id_is_first_and_a_token_is_not_its_own_neighbour():
    rows = np.array([[1.0, 0], [0, 1], [0, 1], [0, 0]])
    ids, values = nearest(np.array([[0.0, 2]]), vocabulary_of(rows), 3)
    assert ids.tolist() == [[1, 2, 0]] and values.tolist() == [[1, 1, 0]]
    ids, _ = nearest(rows[:3], vocabulary_of(rows), 1, itself=np.arange(3))
    assert ids[:, 0].tolist() == [1, 2, 1]


def test_a_vocabulary_smaller_than_what_is_asked_for_gives_all_of_it():
    ids, _ = nearest(VECTORS, vocabulary_of(ROWS[:2]), 5)
    assert ids.shape == (11, 2)


def test_what_is_near_is_said_of_ordinary_tokens_alone():
    rows = np.vstack([ROWS, 1000 * np.ones((20, 7))])  # twenty special ones, all alike
    usual = usual_nearness(Vocabulary(lambda ids: rows[ids], np.arange(523) < 503))
    assert usual.norms.shape == (503,) and usual.norms.max() < 10
    assert len(usual.cosines) == len(usual.random) == nearest_tokens.SAMPLE
    assert (np.diff(usual.cosines) >= 0).all() and usual.cosines[-1] < 0.9999
    again = usual_nearness(Vocabulary(lambda ids: rows[ids], np.arange(523) < 503))
    assert (again.random == usual.random).all()


@pytest.mark.slow
def test_a_vocabulary_of_250_000_tokens_is_read_in_bounded_memory():
    width = 256
    seeds = np.random.default_rng(0).normal(size=(1000, width)).astype(np.float32)

    def rows(ids: np.ndarray) -> np.ndarray:  # made when they are asked for: all of them would take 256 MB
        return seeds[ids % 1000] + (ids[:, None] // 1000) * seeds[(ids + 1) % 1000] / 1000

    vocabulary = Vocabulary(rows, np.ones(250_000, dtype=bool))
    wanted = np.array([7, 100_123, 249_999])
    tracemalloc.start()
    ids, _ = nearest(rows(wanted), vocabulary, 5)
    usual_nearness(vocabulary)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (ids[:, 0] == wanted).all()
    assert peak < 256 * 2**20


def test_vectors_in_one_direction_are_a_cluster():
    base = np.eye(4)
    vectors = np.vstack([base[0], 5 * base[1], base[0] + 0.1 * base[2], base[3], base[1] - 0.1 * base[2]])
    assert clusters(vectors, 0.5).tolist() == [1, 2, 1, 3, 2]
    assert clusters(vectors, 0.9999).tolist() == [1, 2, 3, 4, 5]
    assert clusters(vectors[:1], 0.5).tolist() == [1]
    assert len(set(clusters(np.zeros((3, 4)), 0.5))) == 3  # a zero has no direction


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (1, 20), (4, 20), (20, 20), (9, 100)])
def test_the_tail_of_chance_is_that_of_a_binomial(successes, trials):
    found = soft_prompts.binomial_tail(successes, trials, 0.05)
    assert found == pytest.approx(binom.sf(successes - 1, trials, 0.05))
