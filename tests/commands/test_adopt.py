import shutil
from pathlib import Path

import pytest

from pipeline.commands.adopt import adopt
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, read_params
from pipeline.experiments import configuration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def adopted(tmp_path, monkeypatch):
    """Adopt the values of some overrides in a copy of conf/; the lines that the new file has."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)

    def run(name: str, *overrides: str) -> list[str]:
        configuration.write(PARAMS, overrides)
        path = adopt(name)
        assert configuration.compose() == read_params()
        first, second, *lines = path.read_text().splitlines()
        assert (first, second) == ("# @package _global_", f"# dvc exp run -S experiment={name}")
        return lines

    return run


def test_the_new_defaults_are_a_named_diff_that_config_yaml_chooses(adopted):
    before = Path("conf/config.yaml").read_text()
    lines = adopted("wide", "lora.r=16", "lora.learning_rate=5e-5", "few_shot.num_examples=12")
    assert lines == ["few_shot:", "  num_examples: 12", "lora:", "  learning_rate: 5.0e-05", "  r: 16"]
    assert Path("conf/config.yaml").read_text() == before.replace("- experiment: null", "- experiment: wide")


def test_options_experiments_and_values_together_are_adopted(adopted):
    lines = adopted("mine", "model=flan_t5_base", "template=flan", "experiment=smoke", "support_calls.train=17")
    assert "  name: flan_t5_base" in lines
    assert configuration.compose()["support_calls"]["train"] == 17


def test_files_of_ones_own_are_adopted(adopted):
    assert "  train: a.csv" in adopted("mine", "data=local", "data.train=a.csv", "+score.external.x=p.jsonl")


def test_a_second_adoption_replaces_the_first(adopted):
    adopted("first", "lora.r=16", "seed=3")
    assert adopted("second", "lora.r=8") == ["seed: 3", "lora:", "  r: 8"]  # params.yaml has both
    assert "- experiment: second" in Path("conf/config.yaml").read_text()


@pytest.mark.parametrize("name", ["smoke", "../x", ""])
def test_no_file_is_overwritten_and_none_is_written_elsewhere(adopted, name):
    with pytest.raises(InputError, match="exists, or is no name"):
        adopted(name, "lora.r=16")


def test_conf_is_put_back_if_it_cannot_say_the_values(adopted):
    configuration.write(PARAMS, ["lora.r=16"])
    Path("conf/config.yaml").write_text(Path("conf/config.yaml").read_text() + "lora_r: 1\n")
    before = {path: path.read_text() for path in Path("conf").rglob("*.yaml")}
    with pytest.raises(InputError, match="lora_r"):
        adopt("wide")
    assert {path: path.read_text() for path in Path("conf").rglob("*.yaml")} == before
