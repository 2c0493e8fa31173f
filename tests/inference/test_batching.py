"""Batches that fit in memory."""

import pytest
import torch

from pipeline.inference.batching import longest_first, run_in_batches
from tests import tiny


def squares(largest, sizes):
    """Squares of numbers on a machine whose memory holds `largest` of them; sizes: of the batches that it was given."""

    def process(numbers):
        sizes.append(len(numbers))
        if len(numbers) > largest:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return [number**2 for number in numbers]

    return process


def test_out_of_memory_halves_the_batch_and_loses_nothing(capsys):
    sizes = []
    results = list(run_in_batches(list(range(10)), 10, squares(3, sizes)))
    assert [(number, square) for number, square, _ in results] == [(number, number**2) for number in range(10)]
    assert {size for *_, size in results} == {3}
    assert sizes == [10, 5, 3, 3, 3, 1]
    assert "out of memory: continuing with batches of 3" in capsys.readouterr().out


def test_the_allocators_own_message_is_a_lack_of_memory_too():
    def process(numbers):
        if len(numbers) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return numbers

    assert [size for *_, size in run_in_batches([1, 2, 3, 4, 5], 5, process)] == [2] * 5


def test_a_single_item_that_does_not_fit_is_an_error():
    with pytest.raises(torch.OutOfMemoryError):
        list(run_in_batches([1, 2], 2, squares(0, [])))


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    def broken(numbers):
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="multiplied"):
        list(run_in_batches([1, 2, 3], 3, broken))


def test_the_longest_come_first_and_equals_in_their_order():
    assert longest_first([2, 9, 2, 5]) == [1, 3, 0, 2]


def test_generation_on_a_small_machine_gives_the_same_answers(base, architecture, monkeypatch, capsys):
    model = tiny.load(base, architecture)
    expected = tiny.answers(model, batch_size=1)
    real = model.network.generate

    def small_machine(input_ids, **rest):
        if len(input_ids) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(input_ids=input_ids, **rest)

    monkeypatch.setattr(model.network, "generate", small_machine)
    assert tiny.answers(model, batch_size=6) == expected
    assert "continuing with batches of 3" in capsys.readouterr().out
