"""The clock of inference, with a generator that takes a known time."""

import time

import pytest

from pipeline.inference import latency


def test_prompts_are_spread_from_the_shortest_to_the_longest():
    lengths = [50, 10, 40, 20, 30]
    assert [lengths[number] for number in latency.spread(lengths, 3)] == [10, 30, 50]
    assert [lengths[number] for number in latency.spread(lengths, 9)] == [10, 20, 30, 40, 50]
    assert [lengths[number] for number in latency.spread(lengths, 1)] == [10]


def test_the_warm_up_does_not_count():
    pauses = iter([0.3, 0.02, 0.02, 0.02])

    def generate():
        time.sleep(next(pauses))
        yield from ([1, 2, 3], [4])

    found = latency.timed(generate, 3)
    assert found["seconds_per_dialogue"] == pytest.approx(0.01, abs=0.005)
    assert found["tokens_per_second"] == pytest.approx(4 / 0.02, rel=0.4)


def test_what_is_warm_counts_from_its_first_round():
    rounds = iter([[[1, 2]], [[1, 2, 3]]])
    found = latency.timed(lambda: next(rounds), 1, warm=True)
    assert found["tokens_per_second"] > 0
    assert next(rounds) == [[1, 2, 3]]
