"""Intervals of changed answers: against published tables, and how often they contain the truth in simulated worlds."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from pipeline.evaluation.bootstrap import Estimate, PairedResampling
from pipeline.evaluation.paired_proportions import (
    accuracy_change,
    effective_questions,
    seed_half_width,
    task_weights,
    wilson,
)

WORLDS = 500  # a coverage of 95 % is measured with a standard error of 1 point


def table(both: int, gained: int, lost: int, neither: int) -> Estimate:
    """The change in a table of counts, answered once."""
    after = [1] * (both + gained) + [0] * (lost + neither)
    before = [1] * both + [0] * gained + [1] * lost + [0] * neither
    return accuracy_change(np.array([after]), np.array([before]), np.full(len(after), 1 / len(after)))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((59, 6, 16, 80), (-6.21, -11.86, -0.46)),  # Cavo et al. (2012), by R's contingencytables
        ((1, 1, 7, 12), (-28.6, -50.7, -2.6)),  # Bentur et al. (2009), Fagerland et al. (2017), table 8.7
        ((36, 12, 2, 0), (20.0, 5.69, 34.04)),  # Newcombe (1998), method 10
    ],
)
def test_published_tables_have_their_published_intervals(counts, expected):
    change = table(*counts)
    digits = 0.051 if counts[0] == 1 else 0.0051
    assert (change.mean, change.low, change.high) == pytest.approx(expected, abs=digits)


@pytest.mark.parametrize("counts", [(25, 25, 25, 25), (9, 3, 1, 1), (0, 0, 0, 8)])
def test_without_correlation_it_is_the_interval_of_independent_shares(counts):
    (both, gained, lost, _), questions = counts, sum(counts)
    low, high = confint_proportions_2indep(
        both + gained, questions, both + lost, questions, compare="diff", method="newcomb"
    )
    change = table(*counts)
    assert (change.low, change.high) == pytest.approx((100 * low, 100 * high), abs=1e-4)


@pytest.mark.parametrize(("right", "questions"), [(0, 10), (10, 10), (7, 30), (209, 210)])
def test_the_interval_of_a_share_is_wilsons(right, questions):
    expected = proportion_confint(right, questions, method="wilson")
    assert wilson(right / questions, questions) == pytest.approx(expected, abs=1e-6)


def test_the_interval_over_seeds_is_welchs():
    one, two = np.array([0.91, 0.95, 0.97]), np.array([0.80, 0.88, 0.84, 0.90])
    expected = stats.ttest_ind(one, two, equal_var=False).confidence_interval(0.95)
    assert seed_half_width([one, two]) == pytest.approx((expected.high - expected.low) / 2, rel=1e-5)
    assert seed_half_width([one[:1], two[:1]]) == 0
    of_one = stats.t.interval(0.95, 2, loc=0, scale=stats.sem(one))
    assert seed_half_width([one, two[:1]]) == pytest.approx(of_one[1], rel=1e-5)


def test_every_task_counts_alike_and_every_question_of_a_task():
    assert task_weights(["a", "b", "b", "a", "a"]) == pytest.approx([1 / 6, 1 / 4, 1 / 4, 1 / 6, 1 / 6])


def test_the_effective_number_of_questions_by_hand():
    equal = np.full(40, 1 / 40)
    changes = np.zeros(40)
    assert effective_questions(0.0, changes, equal) == pytest.approx(40)
    changes[:4] = [-1, -1, -1, 1]
    assert effective_questions(4 / 40, changes, equal) == pytest.approx(40)
    changes[:4] = [-0.5, -0.5, -0.5, 0.5]  # each in one seed of two
    assert effective_questions(2 / 40, changes, equal) == pytest.approx(40 * (2 + 1) / (1 + 1))
    unequal = task_weights(["small"] * 5 + ["large"] * 95)
    assert effective_questions(0.0, np.zeros(100), unequal) == pytest.approx(10)  # as of two tasks of 5
    in_small = np.array([-1.0] * 2 + [0.0] * 98)
    assert effective_questions(0.2, in_small, unequal) == pytest.approx(10)


def test_nothing_changed_still_leaves_a_loss_open():
    change = table(30, 0, 0, 0)
    assert (change.mean, change.low) == (0, pytest.approx(-100 * 1.96**2 / (30 + 1.96**2), abs=0.01))
    assert table(210, 0, 0, 0).low == pytest.approx(-1.8, abs=0.01)


@dataclass(frozen=True)
class World:
    """The base is right in `base` of the answers. A method loses each of these with the chance `loss` of its task.

    persistence: how much more likely an answer is lost in a seed if it was in another (intraclass correlation).
    seed_sd: the standard deviation over seeds of the mean loss.
    """

    sizes: tuple[int, ...]
    loss: float | tuple[float, ...]
    base: float = 0.97
    gain: float = 0.1
    seeds: int = 1
    persistence: float = 0.0
    seed_sd: float = 0.0

    @property
    def tasks(self) -> list[str]:
        return [f"task {k}" for k, size in enumerate(self.sizes) for _ in range(size)]

    @property
    def losses(self) -> np.ndarray:
        return np.full(len(self.sizes), self.loss) if isinstance(self.loss, float) else np.array(self.loss)

    @property
    def truth(self) -> float:
        """In points; a seed's factor is rarely cut off at 0, and is 1 on average."""
        return 100 * ((1 - self.base) * self.gain - self.base * self.losses.mean())

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """What the method answered right, (seeds, questions), and the base, (1, questions)."""
        chance, shape = np.repeat(self.losses, self.sizes), (self.seeds, sum(self.sizes))
        before = rng.random(shape[1]) < self.base
        if self.persistence:
            spread = 1 / self.persistence - 1
            chance = rng.beta(np.maximum(chance * spread, 1e-9), (1 - chance) * spread)
        factors = np.maximum(0, 1 + rng.normal(size=(self.seeds, 1)) * self.seed_sd / self.losses.mean())
        kept, gained = rng.random(shape) >= factors * chance, rng.random(shape) < self.gain
        return np.where(before, kept, gained).astype(float), before[None].astype(float)


SEVEN_TENS, SEVEN_THIRTIES = (10,) * 7, (30,) * 7
# In 2,000 worlds these cover the truth in 100, 100, 99.8 and 98.3 %, the bootstrap in 49, 73, 86 and 89 %.
FEW = {
    "7 x 10, 1 %": World(SEVEN_TENS, 0.01),
    "7 x 10, 2 %": World(SEVEN_TENS, 0.02),
    "7 x 30, 1 %": World(SEVEN_THIRTIES, 0.01),
    "7 x 30, 2 %": World(SEVEN_THIRTIES, 0.02),
}
# In 2,000 worlds the truth is covered in 95.5 to 100 %. Where a few trainings in many lose much more than the rest (a
# gamma distribution over seeds, its standard deviation 80 % of its mean) three seeds cover 92.9 %.
OTHERS = {
    "7 x 30, a base that is always right": World(SEVEN_THIRTIES, 0.01, base=1.0),
    "7 x 30, 30 %": World(SEVEN_THIRTIES, 0.3),
    "7 x 30, 90 %": World(SEVEN_THIRTIES, 0.9),
    "7 x 30, one task alone": World(SEVEN_THIRTIES, (0.07, 0, 0, 0, 0, 0, 0)),
    "7 x 30, two tasks almost gone": World(SEVEN_THIRTIES, (0.9, 0.5, 0, 0, 0, 0, 0)),
    "a small task that loses": World((5, *[100] * 6), (0.2, 0, 0, 0, 0, 0, 0)),
    "a small task among losing ones": World((5, *[100] * 6), (0.5, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1)),
    "one task of 10": World((10,), 0.1),
    "one task of 30": World((30,), 0.02),
    "three seeds, 1 %": World(SEVEN_THIRTIES, 0.01, seeds=3),
    "three seeds, 2 %, the same answers": World(SEVEN_THIRTIES, 0.02, seeds=3, persistence=0.5),
    "three seeds that differ, 5 % +- 2": World(SEVEN_THIRTIES, 0.05, seeds=3, persistence=0.3, seed_sd=0.02),
    "three seeds that differ, 10 % +- 3": World(SEVEN_THIRTIES, 0.1, seeds=3, persistence=0.3, seed_sd=0.03),
    "three seeds that differ, 7 x 10": World(SEVEN_TENS, 0.1, seeds=3, persistence=0.3, seed_sd=0.03),
    "two seeds that differ": World(SEVEN_THIRTIES, 0.1, seeds=2, persistence=0.3, seed_sd=0.03),
    "five seeds that differ": World(SEVEN_THIRTIES, 0.1, seeds=5, persistence=0.3, seed_sd=0.03),
}


def coverage(world: World, interval) -> float:
    """In how many percent of the worlds an interval contains the true change."""
    rng, hits = np.random.default_rng(15), 0
    for _ in range(WORLDS):
        low, high = interval(*world.draw(rng))
        hits += low - 1e-9 <= world.truth <= high + 1e-9
    return 100 * hits / WORLDS


def newcombe_interval(world: World):
    weights = task_weights(world.tasks)

    def interval(after: np.ndarray, before: np.ndarray) -> tuple[float, float]:
        change = accuracy_change(after, before, weights)
        return change.low, change.high

    return interval


def bootstrap_interval(world: World):
    """The paired bootstrap within tasks, over questions."""
    resampling, weights = PairedResampling.draw_within(world.tasks, 400, 1), task_weights(world.tasks)

    def interval(after: np.ndarray, before: np.ndarray) -> tuple[float, float]:
        columns = [(100 * each.mean(axis=0) * weights)[:, None] for each in (after, before)]
        change = resampling.change(*columns, lambda sums: sums[:, 0])
        return change.low, change.high

    return interval


@pytest.mark.parametrize("name", FEW)
def test_where_few_answers_change_the_truth_is_covered_and_the_bootstrap_misses_it(name):
    world = FEW[name]
    assert coverage(world, newcombe_interval(world)) >= 97
    assert coverage(world, bootstrap_interval(world)) < 93


@pytest.mark.parametrize("name", OTHERS)
def test_the_truth_is_covered_in_other_worlds_too(name):
    assert coverage(OTHERS[name], newcombe_interval(OTHERS[name])) >= 93


def test_an_interval_over_questions_alone_misses_what_another_seed_changes():
    world = OTHERS["three seeds that differ, 10 % +- 3"]
    weights = task_weights(world.tasks)

    def of_the_first_seed(after: np.ndarray, before: np.ndarray) -> tuple[float, float]:
        change = accuracy_change(after[:1], before, weights)
        return change.low, change.high

    assert coverage(world, of_the_first_seed) < 90


def test_the_interval_is_not_much_wider_than_it_must_be():
    """30 % of 210 answers: as wide as the normal interval; 1 %: its width is that of a few answers."""
    rng, world = np.random.default_rng(1), World(SEVEN_THIRTIES, 0.3, base=1.0)
    widths = [high - low for low, high in (newcombe_interval(world)(*world.draw(rng)) for _ in range(200))]
    assert np.mean(widths) == pytest.approx(2 * 196 * np.sqrt(0.3 * 0.7 / 210), rel=0.05)
    world = World(SEVEN_THIRTIES, 0.01)
    widths = [high - low for low, high in (newcombe_interval(world)(*world.draw(rng)) for _ in range(200))]
    assert np.mean(widths) < 5.5
