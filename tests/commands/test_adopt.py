import shutil

import pytest

from pipeline import config
from pipeline.commands import adopt
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """Adopt the values of some overrides in a copy of conf/; the changed lines of all files, old and new."""
    shutil.copytree(config.ROOT / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)

    def adopted(*overrides: str) -> dict[str, str]:
        before = {path: path.read_text().splitlines() for path in tmp_path.glob("conf/**/*.yaml")}
        config.compose(PARAMS, overrides)
        adopt.adopt()
        config.compose(tmp_path / "composed.yaml")
        assert (tmp_path / "composed.yaml").read_text() == PARAMS.read_text()
        after = {path: path.read_text().splitlines() for path in before}
        assert all(len(before[path]) == len(after[path]) for path in before)
        return {old: new for path in before for old, new in zip(before[path], after[path]) if old != new}

    return adopted


def test_a_value_is_written_in_its_place_and_its_comment_stays(tried):
    assert tried("few_shot.k=12", "lora.learning_rate=5e-5", "prompt_tuning.init=text", "adalora.init_r=12") == {
        "  k: 2                    # worked examples from train in the prompt": (
            "  k: 12                   # worked examples from train in the prompt"
        ),
        "  learning_rate: 3.0e-3": "  learning_rate: 5.0e-05",
        "  init: vocabulary        # or text, which begins with init_text": (
            "  init: text              # or text, which begins with init_text"
        ),
        "  init_r: 9": "  init_r: 12",
    }


def test_options_are_chosen_in_the_defaults_list(tried):
    assert tried("model=flan_t5_base", "template=flan", "retention=english", "seed=3") == {
        "  - model: tiny_t5": "  - model: flan_t5_base",
        "  - template: lab": "  - template: flan",
        "  - retention: support": "  - retention: english",
        "seed: 17": "seed: 3",
    }


def test_an_experiment_is_chosen_and_what_it_says_itself_is_written_there(tried):
    assert tried("experiment=smoke", "lora.r=2", "support.train=17") == {
        "  - experiment: null": "  - experiment: smoke",
        "support: {train: 16, validation: 4, test: 4, questions: 1, texts: 4}": (
            "support: {train: 17, validation: 4, test: 4, questions: 1, texts: 4}"
        ),
        "  r: 6": "  r: 2",
    }


def test_a_persons_own_files_are_written_where_they_were_missing(tried):
    changed = tried("data=local", "data.train=a.csv", "+score.external.x=p.jsonl")
    assert changed.pop("  - data: support") == "  - data: local"
    assert changed.pop("train: ???") == "train: a.csv"
    ((old, new),) = changed.items()
    assert old.startswith("  external: {}            # predictions")
    assert new.startswith("  external: {x: p.jsonl}  # predictions")


def test_what_conf_has_already_changes_nothing(tried):
    assert tried() == {}


def test_conf_is_put_back_if_it_cannot_say_the_values(tried, tmp_path):
    config.compose(PARAMS, ["lora.r=16"])
    (tmp_path / "conf/config.yaml").write_text((tmp_path / "conf/config.yaml").read_text() + "lora_r: 1\n")
    before = (tmp_path / "conf/config.yaml").read_text()
    with pytest.raises(InputError, match="lora_r"):
        adopt.adopt()
    assert (tmp_path / "conf/config.yaml").read_text() == before
