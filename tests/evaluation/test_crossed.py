"""The crossed analysis of seeds and examples: by hand, beside statsmodels, and for scores that are no means."""

import numpy as np
import pandas
import pytest
from scipy import stats

from pipeline.evaluation.crossed import analyse, mean_score, mean_squares, pseudo_values
from pipeline.evaluation.rouge_bleu import METRICS
from tests.worlds import worlds

pytestmark = pytest.mark.filterwarnings("ignore")  # statsmodels with the newest pandas


def test_two_seeds_and_two_examples_by_hand():
    """Means 2 and 6 of the seeds, 3 and 5 of the examples, and nothing is left: 2 x 8, 2 x 2 and 0."""
    values = np.array([[1.0, 3.0], [5.0, 7.0]])
    assert mean_squares(values) == pytest.approx((16, 4, 0))
    result = analyse(values)
    assert (result.mean, result.standard_error) == pytest.approx((4, np.sqrt(20 / 4)))
    assert (result.sd_seed, result.sd_example, result.sd_rest) == pytest.approx((np.sqrt(8), np.sqrt(2), 0))
    assert result.df == pytest.approx(20**2 / (16**2 + 4**2))
    half = stats.t.ppf(0.975, 400 / 272) * np.sqrt(5)
    assert result.interval() == pytest.approx((4 - half, 4 + half))
    assert result.p_value() == pytest.approx(2 * stats.t.sf(4 / np.sqrt(5), 400 / 272))
    assert result.p_loses(1.0) == pytest.approx(stats.t.sf(5 / np.sqrt(5), 400 / 272))


def test_mean_squares_are_those_of_the_analysis_of_variance_of_statsmodels():
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    values = worlds(1, 4, 30, 1.0)[0]
    seed, dialogue = np.indices(values.shape)
    frame = pandas.DataFrame({"score": values.ravel(), "seed": seed.ravel(), "dialogue": dialogue.ravel()})
    table = anova_lm(ols("score ~ C(seed) + C(dialogue)", frame).fit())
    assert mean_squares(values) == pytest.approx(tuple(table["mean_sq"]))


def test_the_variances_are_those_of_a_crossed_mixed_model_of_statsmodels():
    """In a balanced design REML gives the estimates of the mean squares where none of them is below zero."""
    import statsmodels.formula.api as formula

    values = worlds(1, 5, 40, 3.0, 4.0, 5.0, rng=2)[0]
    seed, dialogue = np.indices(values.shape)
    frame = pandas.DataFrame({"score": values.ravel(), "seed": seed.ravel(), "dialogue": dialogue.ravel(), "all": 1})
    crossed = {"seed": "0 + C(seed)", "dialogue": "0 + C(dialogue)"}
    fitted = formula.mixedlm("score ~ 1", frame, groups="all", vc_formula=crossed).fit(reml=True)
    variances = dict(zip(fitted.model.exog_vc.names, fitted.vcomp))
    ours = analyse(values)
    assert ours.sd_seed**2 == pytest.approx(variances["seed"], rel=0.01)
    assert ours.sd_example**2 == pytest.approx(variances["dialogue"], rel=0.01)
    assert ours.sd_rest**2 == pytest.approx(fitted.scale, rel=0.01)
    assert ours.standard_error == pytest.approx(float(fitted.bse["Intercept"]), rel=0.01)


def test_a_variance_below_zero_counts_as_none_and_examples_stay():
    values = np.array([[1.0, 1.0, 4.0, 9.0], [-1.0, 3.0, 4.0, 9.0], [0.0, 2.0, 4.0, 9.0]])
    seed, dialogue, rest = mean_squares(values)
    assert seed < rest < dialogue
    result = analyse(values)
    assert (result.sd_seed, result.standard_error) == pytest.approx((0, np.sqrt(dialogue / 12)))


def test_equal_values_have_no_width_and_are_no_difference():
    nothing = analyse(np.zeros((3, 20)))
    assert (nothing.p_value(), *nothing.interval()) == (1, 0, 0)
    constant = analyse(np.full((3, 20), -2.0))
    assert (constant.p_value(), constant.p_loses(1.0), constant.p_loses(3.0)) == (0, 1, 0)


def test_many_worlds_are_analysed_as_each_alone():
    values = worlds(3, 4, 25, 1.0, 2.0, 3.0)
    together = analyse(values)
    for index, world in enumerate(values):
        alone = analyse(world)
        assert together.interval()[0][index] == pytest.approx(alone.interval()[0])
        assert together.p_value()[index] == pytest.approx(alone.p_value())


def test_pseudo_values_of_a_mean_are_the_scores_themselves():
    scores = worlds(1, 3, 12, 1, 1, 1)[0][:, :, None] + 40
    assert pseudo_values(scores, METRICS["rouge1"].score) == pytest.approx(scores[:, :, 0])


def bleu_rows(seeds: int, examples: int, seed: int) -> np.ndarray:
    """(seeds, examples, columns) counts of summaries of twenty words."""
    rng = np.random.default_rng(seed)
    length = rng.integers(15, 26, (seeds, examples, 1)).astype(float)
    orders = np.arange(4)
    totals = length - orders
    share = rng.beta(6, 4, (seeds, examples, 1)) ** (1 + 0.5 * orders)
    return np.concatenate([length, np.full_like(length, 20), np.round(totals * share), totals], axis=2)


def test_pseudo_values_of_bleu_are_around_it_and_give_the_error_that_redrawing_gives():
    """The standard deviation of BLEU over 400 new test sets, and the jackknife's of one of them."""
    score = METRICS["bleu"].score
    drawn = [mean_score(bleu_rows(1, 100, seed), score) for seed in range(400)]
    values = [pseudo_values(bleu_rows(1, 100, seed), score) for seed in range(20)]
    assert np.mean(values[0]) == pytest.approx(mean_score(bleu_rows(1, 100, 0), score), abs=0.5)
    jackknife = np.mean([each.std(ddof=1) / 10 for each in values])
    assert jackknife == pytest.approx(np.std(drawn, ddof=1), rel=0.1)
