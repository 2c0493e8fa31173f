"""How many examples each task of a mixture gives, and which.

Raffel et al. (2020), Exploring the Limits of Transfer Learning (T5), section 3.5.2: a task's rate is its number of
examples, at most a cap, to the power of 1 / temperature. Wei et al. (2022), Finetuned Language Models Are Zero-Shot
Learners (FLAN), mix by the same rule.
"""

import random
from collections.abc import Iterator, Mapping

from pipeline.core.errors import InputError


def mixing_rates(examples: Mapping[str, int], caps: Mapping[str, int], temperature: float) -> dict[str, float]:
    """Task -> its share of the mixture; the shares sum to 1. A temperature of 1 is in proportion to the examples."""
    weights = {task: min(count, caps[task]) ** (1 / temperature) for task, count in examples.items()}
    total = sum(weights.values())
    return {task: weight / total for task, weight in weights.items()}


def allocate(
    total: int, examples: Mapping[str, int], caps: Mapping[str, int], temperature: float, repeat: bool
) -> dict[str, int]:
    """Task -> how many of `total` examples it gives: by its rate, rounded to the largest remainders.

    Unless `repeat`, a task gives no more than it has, nor more than its cap; what is missing comes from the others, by
    their rates. Raises InputError where all of them have too few.
    """
    room = {task: total if repeat else min(count, caps[task]) for task, count in examples.items()}
    if sum(room.values()) < total:
        raise InputError(
            f"mixture: {total:,} examples are asked for, and its tasks have {sum(room.values()):,}: lower "
            "mixture.share, or set mixture.repeat=true"
        )
    given = dict.fromkeys(examples, 0)
    while missing := total - sum(given.values()):
        open_tasks = {task: count for task, count in examples.items() if given[task] < room[task]}
        rates = mixing_rates(open_tasks, caps, temperature)
        for task, count in _apportion(missing, rates).items():
            given[task] = min(room[task], given[task] + count)
    return given


def _apportion(total: int, rates: Mapping[str, float]) -> dict[str, int]:
    """`total` in whole numbers by rate; of equal remainders the first task's counts more."""
    exact = {task: total * rate for task, rate in rates.items()}
    whole = {task: int(value) for task, value in exact.items()}
    left = total - sum(whole.values())
    for task in sorted(exact, key=lambda task: whole[task] - exact[task])[:left]:
        whole[task] += 1
    return whole


def draw_order(task: str, examples: int, seed: int) -> Iterator[int]:
    """The indices of a task's examples in the order in which the seed draws them: all of them, and then all again."""
    rng = random.Random(f"{seed} {task}")
    while examples:
        order = list(range(examples))
        rng.shuffle(order)
        yield from order
