import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.core.params import read_params

ROOT = Path(__file__).parent.parent
NEEDED = {  # what the `local` options leave to the person who chooses them
    "data=local": ["data.train=mine.csv"],
    "model=local": ["model.path=mine", "model.arch=causal"],
    "retention=local": ["retain.questions=mine.jsonl"],
}


@pytest.fixture
def composed(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)

    def compose(*overrides: str) -> dict:
        config.compose(tmp_path / "params.yaml", overrides)
        return read_params(tmp_path / "params.yaml")

    return compose


def options() -> list[str]:
    files = sorted((ROOT / "conf").glob("*/[!_]*.yaml"))
    return [f"{path.parent.name}={path.stem}" for path in files]


@pytest.mark.parametrize("option", options())
def test_every_option_of_conf_composes_and_validates(option, composed):
    values = composed(option, *NEEDED.get(option, []))
    config.validate(values)
    group, _, name = option.partition("=")
    if group == "experiment":
        assert values != composed(), f"{option} changes nothing"
    elif group == "retention":
        wanted = read_params(ROOT / f"conf/retention/{name}.yaml")
        assert all(values["retain"][key] == wanted[key] for key in ("text", "multiple_choice"))
    else:
        assert values[group]["name"] == name


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "experiment").glob("[!_]*.yaml")), ids=lambda path: path.stem)
def test_an_experiment_opens_with_the_command_that_runs_it(path):
    assert path.read_text().splitlines()[:2] == [
        "# @package _global_",
        f"# dvc exp run -S experiment={path.stem}",
    ]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lora.r=-3", "lora.r: -3: Input should be greater than or equal to 1"),
        ("lora.r=abc", "lora.r: 'abc': Input should be a valid integer"),
        ("lora.r=8.5", "lora.r: 8.5: Input should be a valid integer"),
        ("methods=[zero_shot,lroa]", "methods: unknown method 'lroa'; there are adalora, "),
        ("methods=[lora,lora]", "methods: 'lora' is named 2 times"),
        ("methods=[]", "methods: empty"),
        ("train.precision=fp16", "train.precision: 'fp16' overflows in T5"),
        ("train.precision=fp8", "train.precision: 'fp8': Input should be 'auto', 'fp32', 'bf16' or 'fp16'"),
        ("full.learning_rate=0", "full.learning_rate: 0: Input should be greater than 0"),
        ("data.limit.test=0", "data.limit.test: 0: Input should be greater than 0"),
        ("+score.external.lora=p.jsonl", "score.external: 'lora' is the name of a method or a yardstick"),
        ("score.warn.cut=101", "score.warn.cut: 101: Input should be less than or equal to 100"),
        ("score.warn.length_ratio=[1]", "score.warn.length_ratio: [1]: List should have at least 2 items"),
        ("data.near_duplicate=0", "data.near_duplicate: 0: Input should be greater than 0"),
        ("+lora.rank=3", "lora.rank: unknown key"),
        ("+lroa.r=3", "lroa: unknown key"),
        ("~generate.num_beams", "generate.num_beams: missing from params.yaml"),
        ("seed=x", "seed: 'x': Input should be a valid integer"),
        ("model.arch=rnn", "model.arch: 'rnn': String should match pattern"),
    ],
)
def test_nonsense_is_refused_in_one_line_that_names_key_and_value(override, expected, composed):
    with pytest.raises(InputError) as refusal:
        config.validate(composed(override))
    assert str(refusal.value).startswith(expected)
    assert "\n" not in str(refusal.value)


def test_a_local_data_set_without_a_file_is_refused_by_name(composed):
    with pytest.raises(InputError, match=r"^data\.train: missing; give it a value: -S data\.train="):
        config.validate(composed("data=local"))


def test_fp16_is_open_to_causal_models(composed):
    config.validate(composed("model=smollm2_135m", "train.precision=fp16"))


def test_checking_imports_nothing_heavy():
    code = (
        "import sys; from pipeline import config, stage; config.validate(read_params()); "
        "print([name for name in ('torch', 'transformers', 'peft', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_differences_name_key_and_both_values():
    assert config.differences({"lora": {"r": 8, "x": 1}}, {"lora": {"r": 16, "x": 1}}) == ["lora.r is 16, in conf/ 8"]
    assert config.differences({"a": 1}, {"b": 2}) == ["a is None, in conf/ 1", "b is 2, in conf/ None"]
