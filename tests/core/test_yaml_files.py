import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.core.yaml_files import read_yaml
from pipeline.experiments import configuration

ROOT = Path(__file__).parents[2]
BROKEN = [
    ("a: 1\n\tb: 2\n", ":2: not YAML: found a tab"),
    ("a: 1\nb: {c: 1, c: 2}\n", ":2: not YAML: the key 'c' is there twice"),
    ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", ":2: the mark '<<<<<<<' of a merge"),
    ("a: 1\nb: !!python/object:os.system {}\n", ":2: not YAML: could not determine a constructor"),
    ("a: b: c\n", ":1: not YAML: mapping values are not allowed"),
    ("a: 1\nb:\n  c: 1\n  c: 1\n", ":4: not YAML: the key 'c' is there twice"),
    ("a: 1\nb: 'x\n", ":3: not YAML: found unexpected end of stream"),
    ("a: 1\nb: \x07\n", ":2: not YAML: a control character (#x0007)"),
    ("a: 1\n? [b]\n: c\n", ":2: not YAML: found unhashable key"),
    ("a: *b\n", ":1: not YAML: found undefined alias"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_what_is_broken_is_said_with_file_and_line(tmp_path, text, message):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        read_yaml(path)
    assert str(refusal.value).startswith(f"{path}{message}")
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_utf_8_is_said_with_its_line(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: 'Gespräch'\n".encode("latin-1"))
    with pytest.raises(InputError, match=rf"^{path}:2: not UTF-8 \(byte 0xe4\)"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [*x]\n", "a: more than 1,000,000 values, or an anchor that holds itself"),
        ("a: &x {b: *x}\n", "a: more than 1,000,000 values, or an anchor that holds itself"),
        ("a: !!binary aGVsbG8=\n", "a: b'hello' is a bytes"),
        ("a: !!timestamp 2001-01-01\n", "a: datetime.date(2001, 1, 1) is a date"),
        ("a: !!set {x}\n", "a: {'x'} is a set"),
        ("[" * 100_000, "nested too deep"),
        ("- " * 100_000, "nested too deep"),
        (f"a: {'9' * 5000}\n", "not a value: "),
    ],
)
def test_what_no_setting_can_hold_is_refused(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refusal:
        read_yaml(path)
    assert str(refusal.value).startswith(f"{path}: {message}")


def test_anchors_merges_and_a_byte_order_mark_are_fine(tmp_path):
    (tmp_path / "x.yaml").write_text("\ufeffa: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n")
    assert read_yaml(tmp_path / "x.yaml") == {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}


def test_anchors_that_multiply_are_refused_in_no_time(tmp_path):
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (tmp_path / "x.yaml").write_text("\n".join(lines))
    with pytest.raises(InputError, match="more than 1,000,000 values"):
        read_yaml(tmp_path / "x.yaml")


@pytest.mark.parametrize(("text", "message"), [*BROKEN[:5], ("seed: 'Gespräch'\n", ":1: not UTF-8")])
def test_a_broken_file_of_conf_is_said_with_file_and_line(tmp_path, text, message):
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "config.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as refusal:
        configuration.compose((), conf)
    assert str(refusal.value).startswith(f"{conf}/config.yaml{message}")


def test_a_broken_list_of_sweeps_is_said_with_file_and_line(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/sweeps.yaml").write_text("lora_rank:\n  title: x\n  title: y\n")
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    command = [sys.executable, "-m", "pipeline", "sweep", "lora_rank"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.endswith("error: conf/sweeps.yaml:3: not YAML: the key 'title' is there twice (column 3)\n")
