"""Warnings of faults that a system's outputs have more often than the people's references of the same test set.

The rule: a fault is a warning where its share is above that of the references by more than its limit (score.warn) and
chance together, that is, where the lower end of the difference's one-sided 95 % interval is above the limit.
"""

import math
from collections.abc import Mapping

from pipeline.parameters.score import Warn

ONE_SIDED = 1.6449  # standard deviations with 5 % above them
Diagnostics = Mapping[str, float | None]  # what diagnostics.summarize gives
FAULTS = {
    "truncated": "{:.0f} % of the outputs were truncated at the length limit",
    "empty": "{:.1f} % of the outputs are empty",
    "repeats": "{:.0f} % of the outputs repeat three words or more, and {:.0f} % of the references",
    "unlisted": "{:.0f} % of the outputs are none of the labels",
    "unsupported": "{:.0f} % of the outputs have a name or number that the input lacks, and {:.0f} % of the references",
}
NEVER_OF_PEOPLE = ("truncated", "empty", "unlisted")  # a reference is a text, as its writer ended it


def warnings(found: Diagnostics, references: Diagnostics, examples: int, warn: Warn) -> list[str]:
    """What a reader must know before trusting the scores, one sentence for each bound that is exceeded.

    found and references: the diagnostics of the outputs and of the references of so many examples.
    """
    exceeded = []
    for fault, sentence in FAULTS.items():
        share, limit = found.get(fault), getattr(warn, fault)
        people = 0.0 if fault in NEVER_OF_PEOPLE else references.get(fault) or 0.0
        if share is None:
            continue
        of_chance = 0 if fault in NEVER_OF_PEOPLE else examples
        if 100 * lowest_excess(share / 100, examples, people / 100, of_chance) > limit:
            exceeded.append(f"{sentence.format(share, people)} (score.warn.{fault}: {limit:g} points)")
    ratio, (low, high) = found.get("length_ratio"), warn.length_ratio
    if ratio is not None and not low <= ratio <= high:
        exceeded.append(
            f"the outputs are {ratio:.2f} times as long as the references (score.warn.length_ratio: {low:g} to"
            f" {high:g})"
        )
    return exceeded


def lowest_excess(share: float, examples: int, people: float, of_people: int) -> float:
    """The lower end of the one-sided 95 % interval of `share` minus `people`, both in [0, 1].

    Each share is of so many examples; the one of people is exact where their number is 0. The shares are taken as
    independent, which errs on the side of no warning. Newcombe (1998), Interval estimation for the difference between
    independent proportions, method 10.
    """
    below = share - wilson(share, examples)[0]
    above = wilson(people, of_people)[1] - people if of_people else 0.0
    return share - people - math.hypot(below, above)


def wilson(share: float, count: int) -> tuple[float, float]:
    """The ends of the one-sided 95 % intervals of a share of `count`. Wilson (1927)."""
    square = ONE_SIDED**2
    center = share + square / (2 * count)
    spread = ONE_SIDED * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    return (center - spread) / (1 + square / count), (center + spread) / (1 + square / count)
