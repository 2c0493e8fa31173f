"""How uncertain is a mean over seeds and examples? Both are samples, and each seed meets each example once.

A score of seed s and example i is taken as mean + seed + example + rest, where rest holds what this seed does to this
example. Searle, Casella and McCulloch (1992), Variance Components, chapter 4: the two-way crossed classification
without replication, its mean squares and what they estimate. Satterthwaite (1946), An Approximate Distribution of
Estimates of Variance Components, on degrees of freedom.

A score that is no mean (BLEU) enters by its jackknife pseudo-values, so one analysis serves every metric. Tukey (1958),
Bias and Confidence in Not-quite Large Samples.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.student import student_quantile, student_tail

# Takes rows of sums over examples, (rows, columns), and their number; returns a score for each row.
ScoreOfSums = Callable[[np.ndarray, int], np.ndarray]
EQUAL = 1e-9  # differences up to this are rounding


@dataclass(frozen=True)
class Crossed:
    """A mean over seeds and examples with its standard error; arrays where many were analysed at once.

    sd_seed, sd_example and sd_rest are standard deviations of a single score, in its unit; one that is estimated below
    zero is 0.
    """

    mean: np.ndarray
    standard_error: np.ndarray
    df: np.ndarray
    sd_seed: np.ndarray
    sd_example: np.ndarray
    sd_rest: np.ndarray

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Student's interval of the mean."""
        half = student_quantile((1 + level) / 2, self.df) * self.standard_error
        return self.mean - half, self.mean + half

    def p_value(self) -> np.ndarray:
        """Two-sided: the mean is zero."""
        return np.minimum(1.0, 2 * self._tail(np.abs(self.mean)))

    def p_loses(self, margin: float) -> np.ndarray:
        """One-sided: the mean is -margin or less. Small where the loss is shown to be smaller than the margin."""
        return self._tail(self.mean + margin)

    def _tail(self, distance: np.ndarray) -> np.ndarray:
        """P(an estimate is that much above what it estimates); without any error 0, and 1/2 at no distance."""
        exact = self.standard_error <= EQUAL
        t = distance / np.where(exact, 1.0, self.standard_error)
        certain = np.select([distance > EQUAL, distance < -EQUAL], [0.0, 1.0], 0.5)
        return np.where(exact, certain, student_tail(t, self.df))


def analyse(values: np.ndarray, mean: np.ndarray | float | None = None) -> Crossed:
    """The analysis of (..., seeds, examples) values, two or more of both.

    mean: the score that the interval is around, where it is not that of the values (pseudo-values of BLEU).

    The variance of the mean is (MS_seed + MS_example - MS_rest) / (seeds x examples), and never below
    MS_example / (seeds x examples), the value where seeds move nothing. Its degrees of freedom are Satterthwaite's,
    never fewer than those of the fewest. Simulated with a standard deviation of 3.2 for the example, 7.5 for the rest
    and 0 to 1.8 for the seed, at 40 to 500 examples, 95 % intervals cover 93 to 98 % with three seeds, 93 to 97 %
    with five and 94 to 97 % with ten; with two seeds 89 to 98 %, because two say little about how far they differ.
    """
    *_, seeds, examples = values.shape
    n, df_seed, df_example = seeds * examples, seeds - 1, examples - 1
    df_rest = df_seed * df_example
    seed, example, rest = mean_squares(values)
    variance = np.maximum(seed + example - rest, example)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = variance**2 / (seed**2 / df_seed + example**2 / df_example + rest**2 / df_rest)
    fewest = min(df_seed, df_example)
    return Crossed(
        mean=np.asarray(values.mean(axis=(-1, -2)) if mean is None else mean),
        standard_error=np.sqrt(variance / n),
        df=np.where(np.isfinite(df), np.maximum(df, fewest), fewest),
        sd_seed=np.sqrt(np.maximum(seed - rest, 0) / examples),
        sd_example=np.sqrt(np.maximum(example - rest, 0) / seeds),
        sd_rest=np.sqrt(rest),
    )


def mean_squares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MS_seed, MS_example and MS_rest of (..., seeds, examples) values."""
    *_, seeds, examples = values.shape
    of_seed, of_example = values.mean(axis=-1, keepdims=True), values.mean(axis=-2, keepdims=True)
    mean = of_seed.mean(axis=-2, keepdims=True)
    rest = values - of_seed - of_example + mean
    df_seed, df_example = seeds - 1, examples - 1
    return (
        examples * ((of_seed - mean) ** 2).sum(axis=(-1, -2)) / df_seed,
        seeds * ((of_example - mean) ** 2).sum(axis=(-1, -2)) / df_example,
        (rest**2).sum(axis=(-1, -2)) / (df_seed * df_example),
    )


def mean_score(rows: np.ndarray, score: ScoreOfSums) -> float:
    """The mean over seeds of the score of (seeds, examples, columns)."""
    return float(score(rows.sum(axis=1), rows.shape[1]).mean())


def pseudo_values(rows: np.ndarray, score: ScoreOfSums) -> np.ndarray:
    """(seeds, examples): what each example adds to its seed's score; of a mean, the example's own score.

    rows: (seeds, examples, columns), two examples or more. n times the score minus n - 1 times the score without the
    example.
    """
    seeds, examples, columns = rows.shape
    sums = rows.sum(axis=1)
    without = (sums[:, None] - rows).reshape(-1, columns)
    left_out = score(without, examples - 1).reshape(seeds, examples)
    return examples * score(sums, examples)[:, None] - (examples - 1) * left_out
