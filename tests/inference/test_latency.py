"""The clock of inference: forced lengths, interleaved rounds, first token and whole text."""

import pytest

from pipeline.inference import latency
from pipeline.inference.decoding import generate_answers
from pipeline.inference.latency import TokenClock, Variant, forced_length, measure_rounds
from tests import tiny

METHODS = ("full", "lora", "prompt_tuning", "prefix_tuning")


def params(**changes):
    settings = {"prompts": 2, "batch_size": 3, "new_tokens": 4, "rounds": 3} | changes
    return tiny.generate_params(batch_size=32, latency=settings, max_new_tokens=8, num_beams=2)


def variant(name, model, loads=None):
    def load():
        if loads is not None:
            loads.append(name)
        return model

    return Variant(name, name, "as it is", load, tiny.prompts(model), plain=True)


def test_prompts_are_spread_from_the_shortest_to_the_longest():
    lengths = [50, 10, 40, 20, 30]
    assert [lengths[number] for number in latency.spread_by_length(lengths, 3)] == [10, 30, 50]
    assert [lengths[number] for number in latency.spread_by_length(lengths, 9)] == [10, 20, 30, 40, 50]
    assert [lengths[number] for number in latency.spread_by_length(lengths, 1)] == [10]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_writes_the_forced_length_in_as_many_steps(base, architecture, method):
    model = tiny.adapted(method, base, architecture)
    prompts = tiny.prompts(model)
    with TokenClock(model) as clock:
        found = list(generate_answers(model, prompts, forced_length(model, params()), 2, "fp32"))
    assert [len(answer.ids) for _, answer, _ in found] == [4] * len(prompts)
    assert clock.runs == 4 * 3  # three batches of at most two


def test_a_length_beyond_max_new_tokens_is_cut_to_it():
    assert latency.new_tokens(params(new_tokens=99)) == 8


def test_the_first_token_is_a_part_of_the_whole(seq2seq_base):
    model = tiny.load(seq2seq_base, "seq2seq")
    config = forced_length(model, params(new_tokens=8))
    first, whole = latency.time_batch(model, tiny.prompts(model), config, "fp32")
    assert 0 < first[0] < whole[0] and 0 < first[1] < whole[1]


def test_a_single_token_is_first_and_last(seq2seq_base):
    model = tiny.load(seq2seq_base, "seq2seq")
    config = forced_length(model, params())
    config.min_new_tokens = config.max_new_tokens = 1
    first, whole = latency.time_batch(model, tiny.prompts(model), config, "fp32")
    assert first == whole


def test_the_time_of_a_first_token_grows_with_the_prompt_and_of_a_further_one_does_not(seq2seq_base, monkeypatch):
    """On a clock that counts what the network reads: one tick for a token of the encoder's or the decoder's input."""
    model, ticks = tiny.load(seq2seq_base, "seq2seq"), [0]
    for network in (model.network.encoder, model.network.decoder):
        network.register_forward_pre_hook(
            lambda _, positional, named: ticks.__setitem__(0, ticks[0] + named["input_ids"].shape[1]), with_kwargs=True
        )
    monkeypatch.setattr(TokenClock, "_now", lambda self: (float(ticks[0]), 0.0))
    for length in (10, 50):
        (first, _), (whole, _) = latency.time_batch(model, [[5] * length], forced_length(model, params()), "fp32")
        assert (first, whole - first) == (length + 1, 3)


def test_every_round_measures_every_variant_once_and_in_different_orders(seq2seq_base):
    model, loads = tiny.load(seq2seq_base, "seq2seq"), []
    variants = [variant(name, model, loads) for name in "abcd"]
    size = measure_rounds(variants, params(rounds=4), together=True)
    assert size == 3
    orders = [tuple(loads[start : start + 4]) for start in range(0, len(loads), 4)]
    assert all(sorted(order) == list("abcd") for order in orders) and len(orders) == 5  # the first is the warm-up
    assert len(set(orders[1:])) > 1
    for one in variants:
        assert list(one.timings) == [1, 3]
        for timings in one.timings.values():
            assert len(timings.seconds) == len(timings.cpu_seconds) == len(timings.first_seconds) == 4
            assert all(first < whole for first, whole in zip(timings.first_seconds, timings.seconds))


def test_one_prompt_alone_is_no_batch(seq2seq_base):
    one = variant("a", tiny.load(seq2seq_base, "seq2seq"))
    one.prompts = one.prompts[:1]
    assert measure_rounds([one], params(rounds=1), together=True) == 1
    assert list(one.timings) == [1]


def test_a_batch_that_does_not_fit_one_variant_is_smaller_for_all(seq2seq_base, monkeypatch):
    variants = [variant(name, tiny.load(seq2seq_base, "seq2seq")) for name in ("small", "large")]
    large, generate = variants[1].load(), type(variants[1].load()).generate

    def limited(model, batch, config):
        if model is large and len(batch["input_ids"]) > 2:
            raise RuntimeError("can't allocate memory")
        return generate(model, batch, config)

    monkeypatch.setattr(type(large), "generate", limited)
    assert measure_rounds(variants, params(rounds=1), together=True) == 2
    assert all(list(one.timings) == [1, 2] for one in variants)


def test_models_that_do_not_fit_together_are_loaded_again_and_warmed_up(seq2seq_base, monkeypatch):
    model, loads, warmed = tiny.load(seq2seq_base, "seq2seq"), [], []
    warm_up = latency.warm_up
    monkeypatch.setattr(latency, "warm_up", lambda *given: (warmed.append(1), warm_up(*given))[1])
    variants = [variant(name, model, loads) for name in "ab"]
    measure_rounds(variants, params(rounds=2), together=False)
    assert len(loads) == len(warmed) == 2 + 2 * 2
