"""Sweeps: which experiments belong together, which value to take, and the page in a real browser."""

import json

import pytest

from pipeline import config
from pipeline.commands import sweep
from pipeline.commands.sweep import Point
from pipeline.core.errors import InputError
from pipeline.core.params import flatten, read_params, read_section
from pipeline.evaluation import seeds
from pipeline.reporting import sweep_report
from pipeline.score import Score
from tests.test_report import browser  # noqa: F401  # a fixture

COUNT = 200


@pytest.fixture(autouse=True)
def folder(monkeypatch):
    monkeypatch.chdir(config.ROOT)


def settings() -> Score:
    return read_section("score", Score)


def point(value, rouge1, loss=1.0, method="lora", options=(), experiment="one") -> Point:
    """A finished training; rouge1: a score for each dialogue."""
    rows = [{"id": str(number), "rouge1": score} for number, score in enumerate(rouge1)]
    mean = sum(rouge1) / len(rouge1)
    headline = {"mean": mean, "low": mean - 1, "high": mean + 1}
    scores = {"scores": {name: headline for name in ("rouge1", "rouge2", "rougeL", "rougeLsum", "bleu")}}
    train = {"best_validation_loss": loss, "trainable_parameters": 1000, "bytes": 4000, "seconds": {"train": 12.5}}
    return Point(method, value, tuple(options), experiment, rows, scores, train)


def noisy(middle: float, shift: int = 0) -> list[float]:
    """Scores that differ from dialogue to dialogue by more than systems do."""
    return [middle + (7 * (number + shift)) % 11 - 5 for number in range(COUNT)]


def test_the_smallest_value_that_is_as_good_as_the_best_is_found():
    points = [
        point(1, noisy(20), 2.0),
        point(4, noisy(39.9, 1), 1.005),
        point(16, noisy(40.2, 2), 1.0),
        point(64, noisy(40)),
    ]
    judged = sweep.judge(points, settings(), "smaller")
    assert judged["best"] == 16
    assert judged["as_good"] == [4, 16, 64]
    assert judged["smallest"] == 4
    assert judged["level"] == 4
    (said,) = sweep_report.sentences("LoRA rank", [judged], {"lora": {"sd": 0.75}})
    assert said.startswith("lora: LoRA rank 16 scores best, ROUGE-1 40.")
    assert "the smallest that surely comes within 3 points is 4" in said
    assert "level, within 1 % of the lowest, from 4 on" in said
    assert "standard deviation of 0.8" in said


def test_where_every_other_value_is_worse_that_is_said():
    judged = sweep.judge([point("lab", noisy(40)), point("flan", noisy(20))], settings(), None)
    assert (judged["best"], judged["as_good"], judged["smallest"]) == ("lab", ["lab"], None)
    assert sweep_report.sentences("template", [judged], {})[0].endswith("no other value surely comes within 3 points.")


def test_too_few_dialogues_make_no_value_as_good():
    judged = sweep.judge([point(1, noisy(36)[:4]), point(4, noisy(40, 3)[:4])], settings(), "smaller")
    assert (judged["as_good"], judged["smallest"]) == ([4], 4)
    table = sweep_report.table(judged, "LoRA rank")
    assert table[1][5] == "unsettled"  # four dialogues call nothing really worse either


def test_losses_are_level_from_where_none_is_higher_again():
    assert sweep.level([2.0, 1.0, 1.5, 1.005, 1.0], [1, 2, 4, 8, 16]) == 8
    assert sweep.level([2.0, 1.5, 1.0], [1, 2, 4]) is None


def test_other_settings_make_series_of_their_own_and_lone_points_none():
    fixed, rs = (("lora.lora_alpha", "16"),), (("lora.lora_alpha", "null"),)
    each = [point(r, noisy(30), options=fixed) for r in (4, 1, 2)] + [point(r, noisy(30), options=rs) for r in (8, 2)]
    each.append(point(3, noisy(30), method="full"))
    groups = sweep.series(each)
    assert [[one.value for one in group] for group in groups] == [[1, 2, 4], [2, 8]]
    names = [sweep_report.label(sweep.judge(group, settings(), None)) for group in groups]
    assert names == ["lora (lora.lora_alpha=16)", "lora (lora.lora_alpha=null)"]


def test_what_sets_lone_experiments_apart_is_no_part_of_a_series_name():
    """Beside a sweep over rank stand two of other seeds: the one series that is left needs no name for its seed."""
    each = [point(r, noisy(30), options=(("seed", "17"),)) for r in (1, 2)]
    each += [point(1, noisy(30), options=(("seed", seed),)) for seed in ("1", "2")]
    (group,) = sweep.series(each)
    assert sweep_report.label(sweep.judge(group, settings(), None)) == "lora"


def test_other_test_dialogues_are_never_paired():
    other = point(2, noisy(30))
    other.rows[0]["id"] = "another"
    assert sweep.series([point(1, noisy(30)), other]) == []


def test_of_a_value_that_was_run_twice_the_first_counts():
    (group,) = sweep.series([point(1, noisy(30), experiment="main"), point(1, noisy(30)), point(2, noisy(30))])
    assert [one.experiment for one in group] == ["main", "one"]


def test_what_cannot_move_a_methods_scores_does_not_part_its_points():
    params = read_params()
    own = sweep.relevant(params, "lora", "lora.r")
    assert "lora.lora_alpha" in own and "seed" in own and "generate.num_beams" in own
    assert not own.keys() & {"lora.r", "full.learning_rate", "methods", "retain.batch_size"}
    assert not any(key.startswith("template.") for key in sweep.relevant(params, "lora", "template"))


@pytest.mark.parametrize("name", sorted(read_params(config.ROOT / "conf/sweeps.yaml")))
def test_every_sweep_of_conf_is_over_a_parameter_and_its_values_are_hydras(name, tmp_path):
    found = sweep.find(name)
    keys = dict(flatten(read_params()))
    assert found.parameter in keys or any(key.startswith(f"{found.parameter}.") for key in keys)
    for value in found.values.split(","):
        config.compose(tmp_path / "params.yaml", [f"{found.parameter}={value}"])
        config.validate(read_params(tmp_path / "params.yaml"))


def test_the_best_of_all_that_was_tried_may_be_the_smallest():
    judged = sweep.judge([point(20, noisy(40)), point(40, noisy(20))], settings(), "smaller")
    assert (
        "and is the smallest that was tried"
        in sweep_report.sentences("tokens", [judged | {"as_good": [20, 40]}], {})[0]
    )


def test_a_value_is_a_number_or_a_text_whatever_the_parameter_holds():
    params = {"a": {"list": ["q", "v"], "flag": True, "none": None, "number": 3, "word": "x", "named": {"name": "n"}}}
    keys = ("list", "flag", "none", "number", "word", "named")
    assert [sweep.lookup(params, f"a.{key}") for key in keys] == ['["q", "v"]', "true", "null", 3, "x", "n"]


def test_any_parameter_can_be_swept_and_nonsense_is_refused():
    assert sweep.find("full.weight_decay").methods == ["full"]
    assert sweep.find("generate.num_beams").methods is None
    with pytest.raises(InputError, match=r"lora.rr: no sweep"):
        sweep.find("lora.rr")
    with pytest.raises(InputError, match=r"lora_ranks: no sweep of conf/sweeps.yaml \(lora_rank, .* no parameter"):
        sweep.find("lora_ranks")


@pytest.fixture(params=["ordered", "seeds"])
def written(request, tmp_path):
    target = tmp_path / "sweep"
    if request.param == "ordered":
        judged = [
            sweep.judge(
                [point(r, noisy(20 + r, r), 2 - r / 10, options=options) for r in (1, 2, 4, 16)], settings(), "smaller"
            )
            for options in ((("lora.use_rslora", "true"),), (("lora.use_rslora", "false"),))
        ]
        told = sweep_report.of_values("LoRA rank", "lora.r", judged, [read_params()] * 2, COUNT)
    else:
        groups = [
            [point(s, noisy(30 + s * k), method=name) for s in (1, 2, 17)] for k, name in enumerate(("full", "lora"))
        ]
        told = sweep_report.of_seeds(seeds.found(groups), ["lora: lora.r=6."])
    sweep_report.write(
        target, "LoRA <b>rank</b>", "lora.r, 4 experiments", told, ["odd-name is failed (dvc queue logs odd-name)"]
    )
    return target, request.param


def test_markdown_and_page_say_the_same_and_the_page_opens_on_a_phone(written, browser):  # noqa: F811
    target, kind = written
    text = target.with_suffix(".md").read_text()
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(target.with_suffix(".html").as_uri())
    charts = 2 if kind == "ordered" else 1
    tab.wait_for_function(f"document.querySelectorAll('[data-chart] svg').length == {charts}")
    assert said == []
    assert tab.inner_text("h1") == "Sweep: LoRA <b>rank</b>"
    for sentence in tab.locator(".verdict p").all_inner_texts():
        assert f"- {sentence}\n" in text
    assert "odd-name is failed" in text and "odd-name is failed" in tab.inner_text(".warnings")
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    tab.close()


def test_the_sweep_over_seeds_is_what_compare_reads(tmp_path):
    groups = [[point(seed, noisy(30 + seed)) for seed in (1, 2)]]
    content = seeds.found(groups)
    (tmp_path / "seeds.json").write_text(json.dumps(content))
    assert seeds.applies(seeds.load(tmp_path / "seeds.json"), "lora", groups[0][0].scores["scores"])
