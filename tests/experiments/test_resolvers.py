"""The runs that conf/ computes of methods and seeds."""

import pytest

from pipeline.core.errors import InputError
from pipeline.core.runs import parse_run, run_name, run_names
from pipeline.experiments.configuration import compose, validate


def test_every_method_that_depends_on_a_seed_has_a_run_for_each():
    values = compose(["methods=[zero_shot,few_shot,lora]", "seeds=[3,17]"])
    validate(values)
    assert values["seeds_of"] == {"zero_shot": [], "few_shot": [3, 17], "lora": [3, 17]}
    assert values["runs"] == {
        "zero_shot": {"method": "zero_shot", "seed": None},
        "few_shot-3": {"method": "few_shot", "seed": 3},
        "few_shot-17": {"method": "few_shot", "seed": 17},
        "lora-3": {"method": "lora", "seed": 3},
        "lora-17": {"method": "lora", "seed": 17},
    }


def test_methods_that_put_vectors_before_the_input_have_their_soft_prompts_read():
    chosen = "methods=[zero_shot,few_shot,prompt_tuning,p_tuning,prefix_tuning,lora,full,ia3]"
    values = compose([chosen, "seeds=[3,17]"])
    validate(values)
    assert list(values["soft_prompt_runs"]) == [
        *("prompt_tuning-3", "prompt_tuning-17", "p_tuning-3", "p_tuning-17"),
    ]
    assert values["soft_prompt_runs"].items() <= values["runs"].items()
    assert compose(["methods=[zero_shot,prefix_tuning,full]"])["soft_prompt_runs"] == {}
    assert compose(["methods=[prompt_tuning,nope]"])["soft_prompt_runs"] == {
        "prompt_tuning-17": {"method": "prompt_tuning", "seed": 17}
    }


def test_a_further_seed_leaves_the_other_runs_as_they_are():
    one, two = (compose([f"seeds={seeds}"])["runs"] for seeds in ("[17]", "[17,18]"))
    assert one.items() <= two.items()


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("seeds=[]", "seeds: "),
        ("seeds=[17,17]", "seeds: 17 is named 2 times"),
        ("seeds=17", "seeds: 17: Input should be a valid array"),
        ("seeds=[-1]", "seeds.0: -1: Input should be greater than or equal to 0"),
        ("seeds=[a]", "seeds.0: 'a': Input should be a valid integer"),
        ("seeds=null", "seeds: None"),
        ("methods=lora", "methods: 'lora': Input should be a valid array"),
        ("methods=[nope]", "methods: unknown method 'nope'"),
        ("runs={}", "runs: made of methods and seeds; set these"),
        ("+runs.lora-5={method: lora, seed: 5}", "runs: made of methods and seeds"),
        ("soft_prompt_runs={}", "soft_prompt_runs: made of methods and seeds"),
        ("soft_prompt.listed=0", "soft_prompt.listed: 0: "),
        ("seeds_of.lora=[1]", "seeds_of: made of methods and seeds"),
    ],
)
def test_what_no_run_can_be_made_of_is_refused(override, reason):
    with pytest.raises(InputError) as refusal:
        validate(compose([override]))
    assert str(refusal.value).startswith(reason)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("run", [("lora", 17), ("prompt_tuning", 0), ("zero_shot", None)])
def test_a_runs_name_tells_its_method_and_its_seed(run):
    assert parse_run(run_name(*run)) == run


def test_a_method_without_seeds_has_one_run():
    assert (run_names("zero_shot", []), run_names("lora", [1, 2])) == (["zero_shot"], ["lora-1", "lora-2"])
