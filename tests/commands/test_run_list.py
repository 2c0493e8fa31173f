"""The list of a sweep over several machines."""

import subprocess

import pytest

from pipeline.commands import run_list
from pipeline.core.errors import InputError


def write(tmp_path, text: str):
    path = tmp_path / "ranks.txt"
    path.write_text(text)
    return path


def test_lines_are_read_as_a_shell_reads_them(tmp_path):
    path = write(tmp_path, "# ranks\n\n-S 'methods=[lora]' -S lora.r=4 validate  # small\n-S lora.r=8\n")
    found = run_list.read_list(path)
    assert [listed.options for listed in found] == [
        ["-S", "methods=[lora]", "-S", "lora.r=4", "validate"],
        ["-S", "lora.r=8"],
    ]
    assert [listed.line for listed in found] == [3, 4]


def test_a_name_says_the_list_and_is_the_same_wherever_a_line_stands(tmp_path):
    first = run_list.read_list(write(tmp_path, "-S lora.r=4\n-S lora.r=8\n"))
    second = run_list.read_list(write(tmp_path, "-S lora.r=8\n-S  'lora.r=4'\n"))
    assert {listed.name for listed in first} == {listed.name for listed in second}
    assert all(listed.name.startswith("ranks-") for listed in first)


@pytest.mark.parametrize(
    "text, complaint", [("-S 'lora.r=4\n", "line 1: No closing quotation"), ("# none\n", "no exp")]
)
def test_a_list_that_cannot_be_read_is_refused(tmp_path, text, complaint):
    with pytest.raises(InputError, match=complaint):
        run_list.read_list(write(tmp_path, text))


@pytest.mark.parametrize("part, parts", [(0, 2), (3, 2), (1, 0)])
def test_a_part_that_is_none_is_refused(part, parts):
    with pytest.raises(InputError, match="a number from 1 to parts"):
        run_list.run("ranks.txt", part=part, parts=parts)


def test_remotes_that_are_not_there_are_said_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "-S lora.r=4\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    with pytest.raises(InputError, match="git remote add origin ADDRESS"):
        run_list.run("ranks.txt")
    subprocess.run(["git", "remote", "add", "origin", str(tmp_path)], check=True)
    subprocess.run(["dvc", "init", "--quiet"], check=True)
    with pytest.raises(InputError, match="dvc remote add --default"):
        run_list.run("ranks.txt")
