"""Similarity to what is measured: the same numbers as the pairwise comparison gives, in a fraction of its time."""

import random
import time

import pytest

from pipeline.evaluation.near_duplicates import jaccard, trigrams
from pipeline.mixing.overlap import MeasuredTexts
from support_calls.dialogues import compose


def calls(count, seed):
    rng = random.Random(seed)
    return [compose(rng, "test").text() for _ in range(count)]


def test_it_is_the_largest_jaccard_index():
    measured, others = calls(40, 1), calls(30, 2)
    others += [measured[3], f"Who is the customer?\n\n{measured[5]}", measured[7].replace("the", "a"), "", "two words"]
    texts = MeasuredTexts(measured)
    for text in others:
        expected = max(jaccard(trigrams(text), trigrams(one)) for one in measured)
        assert texts.similarity(text) == pytest.approx(expected)
    assert texts.similarity(measured[3]) == 1
    assert texts.similarity(others[31]) > 0.9


def test_a_hundred_thousand_texts_take_less_than_a_minute():
    """By the time of two thousand."""
    texts, mixed = MeasuredTexts(calls(400, 3)), calls(2_000, 4)
    began = time.process_time()
    assert max(map(texts.similarity, mixed)) < 0.9
    assert 50 * (time.process_time() - began) < 60
