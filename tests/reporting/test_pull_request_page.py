"""The page of a pull request from changes that are known."""

from dataclasses import replace

from pipeline.evaluation.differences import Difference
from pipeline.evaluation.loss_curves import LossPoint
from pipeline.evaluation.run_diff import RunSnapshot, ScoreChange
from pipeline.reporting import markdown
from pipeline.reporting.pull_request_page import Plots, pull_request_page
from pipeline.reporting.pull_request_plots import save_plots
from tests.systems import markdown_tables

FILES = {"rouge1.png": "ROUGE-1, base and now", "validation-loss.png": "Validation loss, base and now"}
BETTER = Difference(10.0, 8.0, 12.0, p=0.001, p_holm=0.002, significant=True)
EQUAL = Difference(0.1, -1.0, 1.2, p=0.8, p_holm=0.8)


def change(how="paired", system="lora", metric="rouge1", difference=None, **values) -> ScoreChange:
    return ScoreChange(
        system, metric, **{"old": 40.0, "new": 50.0, "examples": 24} | values, how=how, difference=difference
    )


def render(changes=(), parameters=None, metrics=None, notes=(), plots=None) -> str:
    page = pull_request_page("main", parameters or {}, metrics or {}, list(changes), list(notes), plots or Plots({}))
    return markdown.render(page, level=2, legends=False)


def row(text: str, first: str, second: str = "") -> list[str]:
    return next(row for table in markdown_tables(text) for row in table if row[0] == first and second in ("", row[1]))


def test_the_headline_names_the_first_significant_score_of_each_system_and_counts_the_rest():
    text = render(
        [
            change(difference=BETTER),
            change(metric="rouge2", difference=BETTER),
            change(system="full", difference=EQUAL),
            change("new", system="published", old=None),
        ]
    )
    assert text.splitlines()[2] == (
        "**Significant: lora ROUGE-1 +10.0.** 1 changed score is not significant. published is new."
    )
    assert row(text, "lora", "ROUGE-1")[2:] == [
        "40.00",
        "50.00",
        "+10.00",
        "+8.00 to +12.00",
        "significant (p = 0.002)",
    ]
    assert "<summary>1 further score, 1 of them significant</summary>" in text
    assert "published is new: ROUGE-1 50.00." in text
    assert "paired over 24 examples" in text and "p corrected for 3 differences (Holm), significant below 0.05" in text


def test_without_a_significant_score_that_is_the_headline():
    assert (
        render([change(difference=EQUAL)])
        .splitlines()[2]
        .startswith("**No difference is significant; the largest is lora ROUGE-1 +0.1 [-1.0, +1.2].** 1 changed")
    )
    assert render().splitlines()[2] == "**No score changed.**"
    assert "No metric changed." in render() and "Against main: no parameter changed." in render()


def test_what_cannot_be_compared_is_named_with_its_reason():
    text = render([change("not comparable", reason="another test set")])
    assert "**1 score can't be compared with the base's.**" in text.splitlines()[2]
    assert row(text, "lora", "ROUGE-1")[-1] == "not comparable"
    assert "lora: not comparable: another test set." in text


def test_a_metric_that_is_no_score_is_shown_without_a_verdict():
    metrics = {"reports/speed.json": {"tokens.per_second": {"old": 10.0, "new": 12.5, "diff": 2.5}}}
    text = render(metrics=metrics)
    assert row(text, "`reports/speed.json: tokens.per_second`")[1:] == ["10.0", "12.5", "+2.5"]
    assert "No metric changed" not in text


def test_many_parameters_are_folded():
    few = {"params.yaml": {"lora.r": {"old": 6, "new": 16}}, "other.yaml": {"a": {"new": "x|y"}}}
    text = render(parameters=few)
    assert row(text, "`lora.r`")[1:] == ["6", "16"]
    assert "| `other.yaml: a` |" in text and r"x\|y" in text
    assert "<details>" not in text
    assert "<summary>16 parameters</summary>" in render(
        parameters={"params.yaml": {f"k{n}": {"old": 0, "new": 1} for n in range(16)}}
    )


def test_addresses_of_images_and_report_are_given_by_the_caller():
    both = render(plots=Plots(FILES, "https://example.com/raw/abc", "https://example.com/report"))
    assert "![ROUGE-1, base and now](https://example.com/raw/abc/rouge1.png)" in both
    assert "[The report, with every output side by side](https://example.com/report)" in both
    alone = render(plots=Plots(FILES, "", "https://example.com/report"))
    assert "![" not in alone and "side by side and the plots](https://example.com/report)" in alone
    assert "![ROUGE-1, base and now](rouge1.png)" in render(plots=Plots(FILES))


def test_plots_are_png_files_of_those_sides_that_can_be_read(tmp_path):
    score = {"mean": 40.0, "low": 39.0, "high": 41.0}
    losses = [LossPoint("lora", step, 3.0 / step) for step in (1, 2)]
    now = RunSnapshot(scores={"lora": {"rouge1": score}}, validation_losses=losses)
    assert save_plots(RunSnapshot(), now, tmp_path / "both") == FILES
    for name in FILES:
        assert (tmp_path / "both" / name).read_bytes().startswith(b"\x89PNG")
    assert list(save_plots(RunSnapshot(), RunSnapshot(scores=now.scores), tmp_path / "one")) == ["rouge1.png"]
    assert save_plots(RunSnapshot(), RunSnapshot(), tmp_path / "none") == {}


def test_what_one_training_each_shows_is_said_of_these_trainings_alone():
    once = replace(BETTER, seeds=1)
    text = render([change(difference=once, old=42.0, new=40.0, how="paired", examples=40)])
    start = (
        f"**Significant for these two trainings: lora ROUGE-1 {once.difference:+.1f}.** Another seed may not show it."
    )
    assert text.splitlines()[2].startswith(start)
    assert "lora: paired over 40 examples of one training each, bootstrap interval" in text


def test_seeds_and_added_variance_are_named():
    over = change(difference=replace(BETTER, seeds=3), how="paired", examples=40)
    assert "lora: paired over 3 seeds and 40 examples (Student's t)" in render([over])
    added = replace(over, added_sd=1.5)
    assert "of one training each, with the variance of seeds added as 3 seeds show it" in render([added])
