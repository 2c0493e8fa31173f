import pytest

from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS
from pipeline.experiments import configuration, override_validation


def test_values_that_go_back_are_those_that_no_override_asked_for():
    before = {"lora": {"r": 16, "x": 1, "y": 1}, "seed": 3, "data": {"name": "mine"}, "gone": 1}
    now = {"lora": {"r": 6, "x": 2, "y": 3}, "seed": 17, "data": {"name": "support_calls"}}
    defaults = {"lora": {"r": 6, "x": 1, "y": 1}, "seed": 17, "data": {"name": "support_calls"}}
    overrides = ["lora.x=2", "seed=17", "data=support_calls", "experiment=y"]
    assert override_validation.from_conf(override_validation.not_requested(before, now, overrides), defaults) == [
        ("lora.r", 16, 6),
        ("gone", 1, override_validation.ABSENT),
    ]


def test_conflict_marks_of_a_merge_do_not_keep_params_yaml_from_being_written_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PARAMS.write_text("<<<<<<< HEAD\nlora: {r: 6}\n=======\nlora: {r: 16}\n>>>>>>> other\n")
    assert override_validation.readable_params() == {}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lora.leaning_rate=1", "lora.leaning_rate: '1': unknown key; lora has alpha_per_rank, .* mean learning_rate"),
        ("lroa.r=3", r"lroa: unknown key; conf/ has .* \(did you mean lora\?\)"),
        ("template=flann", r"template: 'flann': no such file in conf/template; .* \(did you mean flan\?\)"),
        ("experiment=nope", "experiment: 'nope': no such file in conf/experiment; there are dialogsum_flan_t5_base, "),
        ("lora.r=${nothing}", r"lora.r=\$\{nothing\}: Interpolation key 'nothing' not found"),
    ],
)
def test_hydras_errors_become_one_line(override, expected):
    with pytest.raises(InputError, match=f"^{expected}") as refusal:
        configuration.compose([override])
    assert "\n" not in str(refusal.value)
