"""Batches that fit in memory: prompts of similar length share one, and a batch that does not fit is halved."""

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from pipeline.models import processes

T = TypeVar("T")


def longest_first(lengths: list[int]) -> list[int]:
    """The numbers of all items, the longest first."""
    return sorted(range(len(lengths)), key=lambda number: (-lengths[number], number))


def run_in_batches(
    numbers: list[int], batch_size: int, process: Callable[[list[int]], list[T]]
) -> Iterator[tuple[int, T, int]]:
    """(number, result, batch size) for each of `numbers`, `process` called on lists of them in order.

    Several processes take a batch each by turns, and every one gets all results. The batches are the same for any
    number of processes, and so are the results. Where a batch does not fit in memory its size is halved for the rest.
    Raises the error when a single item does not fit, and any error that is not a lack of memory.
    """
    turns = processes.count()
    if turns == 1:
        yield from _run(numbers, batch_size, process)
        return
    size, batches = batch_size, [numbers[start : start + batch_size] for start in range(0, len(numbers), batch_size)]
    for start in range(0, len(batches), turns):
        mine = processes.share(batches[start : start + turns])
        results = list(_run(mine[0], size, process)) if mine else []
        size = min([size, *(fitting for *_, fitting in results)])
        for of_process in processes.gather(results):
            yield from of_process


def _run(numbers: list[int], batch_size: int, process: Callable[[list[int]], list[T]]) -> Iterator[tuple[int, T, int]]:
    """`run_in_batches` of one process."""
    import torch

    start = 0
    while start < len(numbers):
        batch = numbers[start : start + batch_size]
        results = _within_memory(process, batch)
        if results is not None:
            yield from ((number, result, batch_size) for number, result in zip(batch, results))
            start += batch_size
            continue
        batch_size = math.ceil(len(batch) / 2)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        print(f"out of memory: continuing with batches of {batch_size}")


def _within_memory(process: Callable[[list[int]], list[Any]], batch: list[int]) -> list[Any] | None:
    """The results, or None where the batch does not fit: the error's traceback would keep its tensors alive."""
    try:
        return process(batch)
    except RuntimeError as error:
        from accelerate.utils.memory import should_reduce_batch_size  # only now: it takes a second to import

        if len(batch) == 1 or not (should_reduce_batch_size(error) or "can't allocate memory" in str(error)):
            raise
        return None
