"""The difference of two systems: its size, its 95 % interval and its p-value, corrected where several are tested.

With two seeds or more, examples and seeds are both samples (crossed.py). With one, only the examples are: the
bootstrap and approximate randomization say what other examples would show of these very trainings.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.evaluation.bootstrap import ALPHA, holm, p_at_most, shared_draws
from pipeline.evaluation.crossed import analyse, mean_score, pseudo_values
from pipeline.evaluation.metrics import Metric
from pipeline.evaluation.student import student_quantile, student_tail
from pipeline.parameters.score import Score

Z_95 = 1.959964  # half of a normal 95 % interval, in standard errors


@dataclass(frozen=True)
class Difference:
    """One score minus another; p_holm and significant are set by `correct`.

    seeds: how many it is over; 0 where neither system depends on one. The standard deviations are those of one score of
    one example: what the seed, the example and the two together move. With one seed (or none) sd_example holds all
    of it and the others are None; where only intervals are known, all are None.

    p_non_inferior: one-sided, that the first system loses the margin or more to the second: small where it is shown to
    lose less. p_non_inferior_second: the same of the second system. None where no margin was asked about.
    """

    difference: float
    low: float
    high: float
    p: float
    p_holm: float = math.nan
    significant: bool = False
    seeds: int = 0
    sd_seed: float | None = None
    sd_example: float | None = None
    sd_rest: float | None = None
    p_non_inferior: float | None = None
    p_non_inferior_second: float | None = None

    @property
    def nothing_differs(self) -> bool:
        """Whether both systems score the same on every example with every seed."""
        sizes = self.difference, self.low, self.high, self.sd_seed, self.sd_example, self.sd_rest
        return not any(sizes) and self.sd_example is not None

    def swapped(self) -> "Difference":
        """The second minus the first."""
        return replace(
            self,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            p_non_inferior=self.p_non_inferior_second,
            p_non_inferior_second=self.p_non_inferior,
        )


def paired_difference(
    first: np.ndarray, second: np.ndarray, metric: Metric, score: Score, seeds: int, margin: float | None = None
) -> Difference:
    """first minus second on the same examples; both are (seeds, examples, columns).

    A system that depends on no seed has 1 in the first place and is compared with every seed of the other. seeds: what
    the difference says that it is over. margin: in points, for p_non_inferior.
    """
    if _has_seeds(first, second):
        return _over_seeds(first, second, metric, seeds, margin)
    return _over_examples(first.mean(axis=0), second.mean(axis=0), metric, score, seeds, margin)


def _has_seeds(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether a difference is over seeds too; of a single example it is not."""
    return max(len(first), len(second)) > 1 and first.shape[1] > 1


def remember_draws(pairs: Sequence[tuple[np.ndarray, np.ndarray]], score: Score) -> None:
    """Go through the draws once for all of these, whose `paired_difference` is asked next."""
    drawn = [(one.mean(axis=0), other.mean(axis=0)) for one, other in pairs if not _has_seeds(one, other)]
    if drawn:
        systems = [system for pair in drawn for system in pair]
        shared_draws(len(systems[0]), score.resamples, score.seed).remember(systems, drawn)


def _over_seeds(first: np.ndarray, second: np.ndarray, metric: Metric, seeds: int, margin: float | None) -> Difference:
    """Over seeds and examples: Student's interval and p-value of the crossed analysis."""
    mean = mean_score(first, metric.score) - mean_score(second, metric.score)
    result = analyse(pseudo_values(first, metric.score) - pseudo_values(second, metric.score), mean)
    low, high = metric.difference_within_bounds(*map(float, result.interval()))
    return Difference(
        mean,
        low,
        high,
        float(result.p_value()),
        seeds=seeds,
        sd_seed=float(result.sd_seed),
        sd_example=float(result.sd_example),
        sd_rest=float(result.sd_rest),
        p_non_inferior=None if margin is None else float(result.p_loses(margin)),
        p_non_inferior_second=None if margin is None else float(replace(result, mean=-result.mean).p_loses(margin)),
    )


def _over_examples(
    first: np.ndarray, second: np.ndarray, metric: Metric, score: Score, seeds: int, margin: float | None
) -> Difference:
    """Over examples alone, both (examples, columns): bootstrap interval and approximate randomization."""
    count = len(first)
    statistic = metric.statistic(count)
    resampling = shared_draws(count, score.resamples, score.seed)
    change = resampling.change(first, second, statistic)
    difference = Difference(
        change.mean,
        change.low,
        change.high,
        resampling.p_value(first, second, statistic),
        seeds=seeds,
        sd_example=_deviation(first, second, metric) if count > 1 else None,
    )
    if margin is None:
        return difference
    resampled = resampling.resampled_change(first, second, statistic)
    return replace(
        difference,
        p_non_inferior=p_at_most(resampled, -margin, count),
        p_non_inferior_second=p_at_most(-resampled, -margin, count),
    )


def _deviation(first: np.ndarray, second: np.ndarray, metric: Metric) -> float:
    """The standard deviation of the difference of one example."""
    apart = pseudo_values(first[None], metric.score) - pseudo_values(second[None], metric.score)
    return float(apart.std(ddof=1))


def add_seed_variance(difference: Difference, examples: int, sd: float, seeds: int) -> Difference:
    """A paired difference of two trainings with the variance of their seeds added: twice sd squared.

    sd: the standard deviation over `seeds` seeds of a score of such a training, in points. Interval and p-value become
    Student's, with Satterthwaite's degrees of freedom. The difference needs its sd_example.
    """
    of_examples, of_seeds = (difference.sd_example or 0.0) ** 2 / examples, 2 * sd**2
    if not (error := math.sqrt(of_examples + of_seeds)):
        return replace(difference, seeds=seeds)
    df = error**4 / (of_examples**2 / max(examples - 1, 1) + of_seeds**2 / (seeds - 1))
    half = float(student_quantile(0.975, df)) * error
    center = difference.difference
    p = min(1.0, 2 * float(student_tail(abs(center) / error, df)))
    return replace(
        difference, low=center - half, high=center + half, p=p, seeds=seeds, sd_seed=math.sqrt(of_seeds), sd_rest=None
    )


def unpaired_difference(first: dict[str, float], second: dict[str, float]) -> Difference:
    """first minus second from two scores (mean, low, high), whose intervals are taken as independent and normal."""
    error = math.hypot(*((score["high"] - score["low"]) / (2 * Z_95) for score in (first, second)))
    change = first["mean"] - second["mean"]
    p = math.erfc(abs(change) / error / math.sqrt(2)) if error else float(change == 0)
    return Difference(change, change - Z_95 * error, change + Z_95 * error, p)


def correct(differences: Sequence[Difference]) -> list[Difference]:
    """The differences with p-values corrected for their number (Holm) and whether each is significant."""
    corrected = holm([difference.p for difference in differences])
    return [replace(each, p_holm=p, significant=p < ALPHA) for each, p in zip(differences, corrected)]


def format_change(change: float, low: float, high: float, digits: int = 1) -> str:
    """`+1.0 [-0.1, +2.1]`, of a difference with its interval."""
    return f"{signed(change, digits)} [{signed(low, digits)}, {signed(high, digits)}]"


def signed(value: float, digits: int = 1) -> str:
    """`+1.0`; zero itself has a plus, and -0.01 a minus: an interval up to it leaves zero out."""
    return f"{value + 0.0:+.{digits}f}"  # -0.0 + 0.0 is 0.0


def format_p(p: float) -> str:
    """A p-value rounded as papers do (`p < 0.001`, `p = 0.012`), never onto the bound of significance."""
    if round(p, 3) == ALPHA and p != ALPHA:
        return f"p = {p:.4f}"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
