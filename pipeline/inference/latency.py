"""What a method's answers cost: seconds and tokens per second one by one and in a batch, an adapter merged and not.

The same prompts for every method, evenly spread by length: some, one by one, the median of some rounds after a warm-up;
then one full batch, once. A batch ends with all of its tokens on the CPU, so nothing is left running when the clock
stops.
"""

import statistics
import time
from collections.abc import Callable, Iterable

from pipeline.core.params import section
from pipeline.parameters.types import Count


@section
class Speed:
    """One by one: on how many prompts, and how often."""

    dialogues: Count
    rounds: Count


def spread(lengths: list[int], count: int) -> list[int]:
    """The places of `count` prompts, from the shortest to the longest, evenly."""
    order = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    if count >= len(order):
        return order
    return [order[number * (len(order) - 1) // max(1, count - 1)] for number in range(count)]


def timed(generate: Callable[[], Iterable[list[int]]], rounds: int, warm: bool = False) -> dict[str, float]:
    """Median seconds a dialogue and new tokens a second; generate() yields the new tokens of each dialogue.

    A first round that does not count warms up what is not `warm`.
    """
    seconds, answers = [], [] if warm else list(generate())
    for _ in range(rounds):
        began = time.perf_counter()
        answers = list(generate())
        seconds.append(time.perf_counter() - began)
    middle = statistics.median(seconds)
    return {
        "seconds_per_dialogue": round(middle / len(answers), 4),
        "tokens_per_second": round(sum(map(len, answers)) / middle, 1),
    }
