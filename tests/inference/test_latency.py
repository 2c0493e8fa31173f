"""The clock of inference, with a generator that takes a known time."""

import time

import pytest

from pipeline.inference import latency
from tests import tiny


def test_prompts_are_spread_from_the_shortest_to_the_longest():
    lengths = [50, 10, 40, 20, 30]
    assert [lengths[number] for number in latency.spread_by_length(lengths, 3)] == [10, 30, 50]
    assert [lengths[number] for number in latency.spread_by_length(lengths, 9)] == [10, 20, 30, 40, 50]
    assert [lengths[number] for number in latency.spread_by_length(lengths, 1)] == [10]


def test_the_warm_up_does_not_count():
    pauses = iter([0.3, 0.02, 0.02, 0.02])

    def generate():
        time.sleep(next(pauses))
        yield from ([1, 2, 3], [4])

    figures = latency.time_generation(generate, 3)
    assert figures["seconds_per_prompt"] == pytest.approx(0.01, abs=0.005)
    assert figures["tokens_per_second"] == pytest.approx(4 / 0.02, rel=0.4)


def test_what_is_warm_counts_from_its_first_repeat():
    repeats = iter([[[1, 2]], [[1, 2, 3]]])
    figures = latency.time_generation(lambda: next(repeats), 1, warm=True)
    assert figures["tokens_per_second"] > 0
    assert next(repeats) == [[1, 2, 3]]


def test_every_variant_is_measured_one_by_one_and_in_one_batch(base, architecture):
    model = tiny.load(base, architecture)
    params = tiny.generate_params(batch_size=3, latency={"prompts": 2, "repeats": 1}, max_new_tokens=2)
    figures = latency.measure_latency({"merged": model, "unmerged": model}, tiny.prompts(model), params)
    assert figures.pop("prompts") == 2
    assert list(figures) == ["merged, batch 1", "merged, batch 3", "unmerged, batch 1", "unmerged, batch 3"]
    assert all(set(one) == {"seconds_per_prompt", "tokens_per_second"} for one in figures.values())
