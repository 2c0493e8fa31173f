"""Which method to take: the cheapest of those that are shown to lose less than the margin to every other method.

For each method, p is the largest of its one-sided p-values of losing the margin or more to another method: it loses to
the best by the margin only if it loses to some method by it (an intersection-union test, Berger, 1982, Multiparameter
Hypothesis Testing and Acceptance Sampling). Holm's correction over the methods holds the chance that any method which
does lose the margin is admitted at 5 %, however many methods there are.

What is cheap: of the admitted methods, first those whose requests cost at most a tenth more than the cheapest request
(tokens that the model reads and, where measured, seconds at equal length); of these, the one with the fewest trained
parameters. So a method with long prompts does not win because it trains little.
"""

from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.bootstrap import ALPHA, holm
from pipeline.evaluation.pairs import Pair, find_pair

# Fewer test examples recommend nothing. Simulated with one training and a method that loses exactly the margin: where
# differences are normal it is admitted in 5 % of worlds at any number; where they are skewed, or a few examples hold
# all of the loss, in up to 34 % at 5 examples, 12 % at 10, 10 % at 20 and 9 % at 30.
MIN_EXAMPLES = 20
FEW_EXAMPLES = 30  # fewer than these carry a warning
SAME_COST = 1.1

System = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A method with its p-value of losing the margin or more; toughest: the method that this p-value is against."""

    name: str
    toughest: str
    p: float
    p_holm: float

    @property
    def admitted(self) -> bool:
        """Whether it is shown to lose less than the margin to every other method."""
        return self.p_holm < ALPHA


def judge_candidates(names: list[str], pairs: list[Pair]) -> dict[str, Candidate]:
    """Every method, of two or more, with its p-value and the corrected one."""
    hardest = [max((_p(name, other, pairs), other) for other in names if other != name) for name in names]
    corrected = holm([p for p, _ in hardest])
    return {name: Candidate(name, other, p, p_holm) for name, (p, other), p_holm in zip(names, hardest, corrected)}


def _p(name: str, other: str, pairs: list[Pair]) -> float:
    p = find_pair(pairs, name, other).estimate.p_non_inferior
    if p is None:
        raise ValueError(f"{name} and {other} were not compared with the margin")
    return p


def cheapest(names: list[str], methods: dict[str, System]) -> str:
    """The cheapest of the methods named; of equally cheap ones the one with the shortest prompts, then the first."""
    rows = [methods[name] for name in names]
    rows = _about_the_least(rows, "request_tokens")
    if all(row.get("request_seconds") is not None for row in rows):
        rows = _about_the_least(rows, "request_seconds")
    return str(min(rows, key=lambda row: (row["trainable_parameters"], row["request_tokens"]))["name"])


def _about_the_least(rows: list[System], key: str) -> list[System]:
    """The rows whose cost is at most SAME_COST times the least."""
    least = min(row[key] for row in rows)
    return [row for row in rows if row[key] <= SAME_COST * least]


def is_cheaper(one: str, than: str, methods: dict[str, System]) -> bool:
    """Whether `cheapest` prefers one, whichever of them comes first."""
    return cheapest([than, one], methods) == one
