import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, read_params
from pipeline.core.paths import Paths
from pipeline.experiments import configuration

ROOT = Path(__file__).parents[2]
NEEDED = {  # what the `local` options leave to their user
    "data=local": ["data.train=mine.csv"],
    "benchmark=local": ["benchmark.tasks.mine.data=mine.jsonl"],
    "model=local": ["model.path=mine", "model.architecture=causal"],
    "forgetting=local": ["forgetting.questions=mine.jsonl"],
    "template=classification": ["task=classification", "data=local", "data.train=mine.csv"],
    "template=call_reason": ["task=call_reason"],
    "template=question_answering": ["task=question_answering", "data=local", "data.train=mine.csv"],
    "template=call_question": ["task=call_question"],
}


def composed(*overrides: str) -> dict:
    return configuration.compose(overrides)


@pytest.fixture(scope="module")
def defaults() -> dict:
    return composed()


def options() -> list[str]:
    files = sorted((ROOT / "conf").glob("*/[!_]*.yaml"))
    return [f"{path.parent.name}={path.stem}" for path in files]


@pytest.mark.parametrize("option", options())
def test_every_option_of_conf_composes_and_validates(option, defaults):
    values = composed(option, *NEEDED.get(option, []))
    configuration.validate(values)
    group, _, name = option.partition("=")
    if group == "experiment":
        assert values != defaults, f"{option} changes nothing"
    elif group == "forgetting":
        wanted = read_params(ROOT / f"conf/forgetting/{name}.yaml")
        assert values["forgetting"]["text"] == wanted["text"]
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
        ("data.limit.test=0", "data.limit.test: 0: Input should be greater than"),
        ("+score.external.lora=p.jsonl", "score.external: 'lora' is the name of a method or a baseline"),
        ("score.warn.truncated=101", "score.warn.truncated: 101: Input should be less than or equal to 100"),
        ("score.warn.length_ratio=[1]", "score.warn.length_ratio: [1]: List should have at least 2 items"),
        ("data.near_duplicate=0", "data.near_duplicate: 0: Input should be greater than 0"),
        ("+lora.rank=3", "lora.rank: unknown key"),
        ("+lroa.r=3", "lroa: unknown key"),
        ("~generate.num_beams", "generate.num_beams: missing from params.yaml"),
        ("seed=x", "seed: 'x': Input should be a valid integer"),
        ("lora.r=100000000000000000000", "lora.r: 100000000000000000000: Input should be less than or equal to 65536"),
        ("lora.r=1e20", "lora.r: 1e+20: Input should be a valid integer"),
        ("adalora.init_r=100000", "adalora.init_r: 100000: Input should be less than or equal to 65536"),
        ("generate.num_beams=1000000", "generate.num_beams: 1000000: Input should be less than or equal to 1000"),
        ("generate.length_penalty=1e300", "generate.length_penalty: 1e+300: Input should be less than or equal to 20"),
        ("generate.length_penalty=-400", "generate.length_penalty: -400: Input should be greater than or equal to -20"),
        (
            "score.resamples=1000000000000",
            "score.resamples: 1000000000000: Input should be less than or equal to 1000000",
        ),
        (
            "prefix_tuning.num_virtual_tokens=1000000000",
            "prefix_tuning.num_virtual_tokens: 1000000000: Input should be ",
        ),
        (
            "train.batch_size=100000000000000000000",
            "train.batch_size: 100000000000000000000: should be a whole number from 1 to 1048576, or auto",
        ),
        (
            "full.num_train_epochs=10000000",
            "full.num_train_epochs: 10000000: Input should be less than or equal to 10000",
        ),
        ("full.learning_rate=1e9", "full.learning_rate: 1000000000.0: Input should be less than or equal to 100"),
        ("full.weight_decay=1e30", "full.weight_decay: 1e+30: Input should be less than or equal to 10"),
        ("lora.alpha_per_rank=1e300", "lora.alpha_per_rank: 1e+300: Input should be less than or equal to 1000000"),
        ("support_calls.train=1000000000", "support_calls.train: 1000000000: Input should be less than or equal to "),
        ("lora.target_modules=[]", "lora.target_modules: []: List should have at least 1 item"),
        ("ia3.target_modules=['']", "ia3.target_modules.0: '': String should match pattern"),
        ("score.warn.length_ratio=[1e400,2]", "score.warn.length_ratio.0: inf: Input should be a finite number"),
        ("data.source_column=''", "data.source_column: '': String should have at least 1 character"),
        (f"lora.r={'9' * 5000}", f"lora.r={'9' * 193}...: Exceeds the limit (4300 digits)"),
        (f"lora.r={'[' * 5000}", f"lora.r={'[' * 193}...: a bracket"),
        (
            f"prompt_tuning.init_text={'a' * 10**6}",
            f"prompt_tuning.init_text: '{'a' * 199}... (1,000,002 characters): ",
        ),
        ("+score.external={-x: a.jsonl}", "score.external.-x"),
        ("model.architecture=rnn", "model.architecture: 'rnn': unknown; there are causal, seq2seq"),
    ],
)
def test_nonsense_is_refused_in_one_line_that_names_key_and_value(override, expected):
    with pytest.raises(InputError) as refusal:
        configuration.validate(composed(override))
    assert str(refusal.value).startswith(expected)
    assert "\n" not in str(refusal.value)


def test_a_local_data_set_without_a_file_is_refused_by_name():
    with pytest.raises(InputError, match=r"^data\.train: missing; give it a value: -S data\.train="):
        configuration.validate(composed("data=local"))


def test_fp16_is_open_to_causal_models():
    configuration.validate(composed("model=smollm2_135m", "train.precision=fp16"))


@pytest.mark.slow
def test_checking_imports_nothing_heavy():
    code = (
        "import sys; from pipeline.experiments import configuration; configuration.validate(configuration.compose()); "
        "print([name for name in ('torch', 'transformers', 'peft', 'datasets', 'dvc') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no `enabled = true`"),
        ("[core]\n    analytics = false\n", "has no `enabled = true`"),
        ("[hydra]\n    enabled = false\n", "has enabled = false"),
        ("[hydra]\n    enabled = true\n    config_dir = other\n", "has config_dir = other"),
        ("[hydra]\n    enabled = true\n    plugins_path = other\n", "has plugins_path = other"),
        ("<<<<<<< HEAD\n[hydra]\n", "no section headers"),
    ],
)
def test_a_dvc_without_this_hydra_is_refused(tmp_path, text, reason):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(text)
    with pytest.raises(InputError) as refusal:
        config.check_hydra(tmp_path)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_this_projects_dvc_has_hydra_and_a_local_file_can_turn_it_off(tmp_path):
    config.check_hydra(ROOT)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("['remote \"x\"']\n    url = /a%b\n[hydra]\n    enabled = True\n")
    config.check_hydra(tmp_path)
    (tmp_path / ".dvc/config.local").write_text("[hydra]\n    enabled = false\n")
    with pytest.raises(InputError, match="has enabled = false"):
        config.check_hydra(tmp_path)


def test_differences_name_key_and_both_values():
    assert configuration.differences({"lora": {"r": 8, "x": 1}}, {"lora": {"r": 16, "x": 1}}) == [
        "lora.r is 16, in conf/ 8"
    ]
    assert configuration.differences({"a": 1}, {"b": 2}) == ["a is None, in conf/ 1", "b is 2, in conf/ None"]


@pytest.fixture
def at_conf(tmp_path, monkeypatch):
    """A folder with this conf/ and nothing else."""
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_EXP_BASELINE_REV", raising=False)
    return Paths(tmp_path)


def test_what_conf_composes_to_is_accepted_and_the_answer_is_a_constant_file(at_conf):
    configuration.write(PARAMS)
    config.run(at_conf)
    first = at_conf.checked.read_text()
    configuration.write(PARAMS, ["lora.r=16"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_EXP_BASELINE_REV", "abc")  # an experiment has values that conf/ does not have
        config.run(at_conf)
    assert at_conf.checked.read_text() == first


def test_params_yaml_that_conf_does_not_compose_to_is_refused_with_ways_on(at_conf):
    configuration.write(PARAMS, ["lora.r=16"])
    with pytest.raises(InputError, match=r"lora\.r is 16, in conf/ 6.*make params.*make adopt.*dvc exp run -S"):
        config.run(at_conf)
    assert not at_conf.checked.exists()
