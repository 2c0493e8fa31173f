import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import pytest
from omegaconf import OmegaConf
from pydantic import Field

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.params import parse_section, read_params
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.progress import progress
from pipeline.experiments import configuration
from pipeline.methods import lora
from pipeline.parameters.data import Data


def section(name, **changes):
    return read_params(Path("params.yaml"))[name] | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": "fast"}, "lora.learning_rate: 'fast': Input should be a valid number"),
        ({"learning_rate": -1}, "lora.learning_rate: -1: Input should be greater than 0"),
        ({"r": 8.5}, "lora.r: 8.5: Input should be a valid integer"),
        ({"r": "8"}, "lora.r: '8': Input should be a valid integer"),
        ({"r": True}, "lora.r: True: Input should be a valid integer"),
        ({"optim": "sgd"}, "lora.optim: 'sgd': Input should be 'adamw_torch_fused' or 'adafactor'"),
        ({"target_modules": "q,v"}, "lora.target_modules: 'q,v': Input should be a valid array"),
        ({"use_dora": None}, "lora.use_dora: None: Input should be a valid boolean"),
        ({"learning_rat": 1}, "lora.learning_rat: unknown key"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_in_one_line_with_its_key(changes, message):
    with pytest.raises(InputError) as refusal:
        parse_section(section("lora", **changes), lora.Params, "lora")
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)


def test_a_missing_key_is_refused_by_name():
    values = section("lora")
    del values["r"]
    with pytest.raises(InputError, match=r"^lora\.r: missing from params\.yaml$"):
        parse_section(values, lora.Params, "lora")


@pytest.mark.parametrize(("block", "key"), [("lora", "r"), ("data", "train")])
def test_a_value_that_conf_leaves_open_is_asked_for(block, key):
    values = read_params(Path("params.yaml")) | {block: section(block, **{key: "???"})}
    with pytest.raises(InputError, match=rf"^{block}\.{key}: missing; give it a value: -S {block}\.{key}=\.\.\.$"):
        configuration.validate(values)


def test_keys_inside_a_section_are_named_in_full_and_all_at_once():
    values = section("data", limit={"train": 0, "validation": None}, held_out=0.7)
    with pytest.raises(InputError) as refusal:
        parse_section(values, Data, "data")
    complaints = str(refusal.value).split("; ")
    assert [complaint.split(": ")[0] for complaint in complaints] == [
        "data.held_out",
        "data.limit.train",
        "data.limit.test",
    ]


def test_half_a_character_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"^data: train: half a character"):
        parse_section(section("data", train="caf\udce9.jsonl"), Data, "data")


def test_sound_values_come_back_typed():
    params = parse_section(section("lora", learning_rate=1), lora.Params, "lora")
    assert (params.learning_rate, params.target_modules) == (1.0, ["all-linear"])
    assert isinstance(params.learning_rate, float)
    assert parse_section(section("data"), Data, "data").limit.train is None
    assert parse_section(3, Annotated[int, Field(gt=2)], "k") == 3


@pytest.mark.parametrize(
    "text",
    ["5e-5", "5.0e-05", "-2E+4", "1.5", ".5", "1", "e5", "2026-11-25", "1_000", ".inf", "yes", "???", "[1, 2e1]"],
)
def test_values_are_read_as_omegaconf_reads_them(tmp_path, text):
    (tmp_path / "params.yaml").write_text(f"lora:\n  value: {text}\n")
    assert read_params(tmp_path / "params.yaml") == OmegaConf.to_container(OmegaConf.load(tmp_path / "params.yaml"))


def test_params_read_a_number_without_a_decimal_point_as_a_number(tmp_path):
    (tmp_path / "params.yaml").write_text("lora: {learning_rate: 5e-5}\n")
    assert read_params(tmp_path / "params.yaml") == {"lora": {"learning_rate": 5e-5}}


def prepare(folder: Path) -> subprocess.CompletedProcess[str]:
    """A real stage's command line in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline.prepare"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
    )


def write_params(folder, **data):
    import yaml

    values = {"seed": 1, "task": section("task"), "data": section("data", **data), "score": section("score")}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))


def test_a_command_that_is_refused_says_why_in_one_line_and_exits_with_1(tmp_path):
    write_params(tmp_path, train="nowhere.csv")
    files.write_json(Paths(tmp_path).raw_data / "source.json", {"files": "read where they are"})
    done = prepare(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "python -m pipeline.prepare: error: nowhere.csv: no such file\n"


def test_a_command_reads_and_checks_its_sections_of_params(tmp_path):
    assert prepare(tmp_path).stderr.startswith("python -m pipeline.prepare: error: params.yaml not found in ")
    write_params(tmp_path, drop_empty="yes")
    assert prepare(tmp_path).stderr.startswith("python -m pipeline.prepare: error: data.drop_empty: 'yes': ")
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    done = prepare(tmp_path)
    assert (done.returncode, done.stderr) == (1, "python -m pipeline.prepare: error: task: missing from params.yaml\n")


def test_a_command_that_succeeds_exits_with_0(tmp_path):
    rows = [{"dialogue": f"A: {number}", "summary": "x"} for number in range(10)]
    files.write_jsonl(tmp_path / "train.jsonl", rows)
    files.write_json(Paths(tmp_path).raw_data / "source.json", {"files": "read where they are"})
    write_params(tmp_path, id_column=None, **dict.fromkeys(SPLITS, "train.jsonl"))
    done = prepare(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert Paths(tmp_path).records("train").exists()


def test_an_error_that_is_not_the_users_keeps_its_traceback(tmp_path):
    (tmp_path / "faulty.py").write_text(
        "from pipeline.core.cli import run_stage\n\n\n"
        "def run() -> None:\n    raise RuntimeError('a fault of ours')\n\n\nrun_stage(run)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-m", "faulty"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1] == "RuntimeError: a fault of ours"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_passes_every_item_on(monkeypatch, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert list(progress(iter("abc"), 3, "letters")) == ["a", "b", "c"]
    assert list(progress([], 0, "letters")) == []


def test_progress_in_a_log_is_a_line_now_and_then(monkeypatch, capsys):
    ticks = itertools.count(step=6)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    list(progress(range(20), 20, "numbers"))
    lines = capsys.readouterr().out.splitlines()
    assert 3 < len(lines) < 12
    assert all(line.startswith("numbers: ") and line.endswith(" s left") for line in lines)


def test_the_time_left_is_judged_by_whole_batches(monkeypatch, capsys):
    clock = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)

    def batches():
        nonlocal clock
        for number in range(12):
            clock += 20 * (number % 4 == 0)
            yield number

    list(progress(batches(), 12, "batches"))
    assert capsys.readouterr().out.splitlines() == [
        "batches: 4/12, about 20 s left",
        "batches: 8/12, about 0 s left",
    ]
