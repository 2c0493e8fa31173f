import pytest

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS
from pipeline.experiments.dvc_experiments import definitions, override_validation


def test_values_that_go_back_are_those_nobody_asked_for():
    before = {"lora": {"r": 16, "x": 1}, "seed": 3, "data": {"name": "mine"}, "gone": 1}
    now = {"lora": {"r": 6, "x": 2}, "seed": 17, "data": {"name": "support"}}
    defaults = {"lora": {"r": 6, "x": 1}, "seed": 17, "data": {"name": "support"}}
    said = override_validation.going_back(before, now, defaults, ["lora.x=2", "seed=17", "data=support"])
    assert said == [("lora.r", 16, 6), ("gone", 1, override_validation.GONE)]


def test_marks_that_a_merge_left_in_params_yaml_do_not_keep_it_from_being_written_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PARAMS.write_text("<<<<<<< HEAD\nlora: {r: 6}\n=======\nlora: {r: 16}\n>>>>>>> other\n")
    assert override_validation.readable_params() == {}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(config.ROOT)
    return tmp_path


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
def test_hydras_complaints_become_one_line(folder, override, expected):
    with pytest.raises(InputError, match=f"^{expected}") as refusal:
        config.compose(folder / "params.yaml", [override])
    assert "\n" not in str(refusal.value)
    assert not (folder / "params.yaml").exists()


@pytest.mark.parametrize(
    ("key", "path", "text"),
    [
        ("lora.r", "conf/config.yaml", "6"),
        ("adalora.target_r", "conf/peft.yaml", "6"),
        ("seed", "conf/config.yaml", "17"),
        ("data.limit.train", "conf/data/_columns.yaml", "null"),
        ("data.name", "conf/data/support.yaml", "support"),
        ("retain.multiple_choice", "conf/retention/support.yaml", None),
        ("retain.batch_size", "conf/config.yaml", "64"),
    ],
)
def test_a_value_is_defined_where_hydra_takes_it_from(folder, key, path, text):
    with definitions.loader() as loader:
        place = definitions.of(key, loader)
    assert str(place.path) == path
    content = place.path.read_text()
    assert text in (None, content[place.start : place.end])
    assert key.rpartition(".")[2] in content.splitlines()[place.line - 1]


def test_a_key_that_conf_does_not_have_is_defined_nowhere(folder):
    with definitions.loader() as loader:
        assert definitions.of("lora.rank", loader) is None
