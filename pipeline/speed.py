"""What a method's answers cost: seconds and tokens per second one by one and in batches, an adapter merged and not.

The same prompts for every method, evenly spread by length. Each figure is the median of some rounds after a warm-up;
a batch ends with all of its tokens on the CPU, so nothing is left running when the clock stops.
"""

import statistics
import time
from collections.abc import Callable, Iterable

from pipeline import stage
from pipeline.sources import Count


@stage.params
class Speed:
    """On how many prompts, and how often."""

    dialogues: Count
    rounds: Count


def spread(lengths: list[int], count: int) -> list[int]:
    """The places of `count` prompts, from the shortest to the longest, evenly."""
    order = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    if count >= len(order):
        return order
    return [order[number * (len(order) - 1) // max(1, count - 1)] for number in range(count)]


def timed(generate: Callable[[], Iterable[list[int]]], rounds: int) -> dict[str, float]:
    """Median seconds a dialogue and new tokens a second; generate() yields the new tokens of each dialogue."""
    seconds, answers = [], list(generate())  # the first round warms up
    for _ in range(rounds):
        began = time.perf_counter()
        answers = list(generate())
        seconds.append(time.perf_counter() - began)
    middle = statistics.median(seconds)
    return {
        "seconds_per_dialogue": round(middle / len(answers), 4),
        "tokens_per_second": round(sum(map(len, answers)) / middle, 1),
    }
