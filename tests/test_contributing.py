"""CONTRIBUTING.md's own example, followed to the letter."""

import re
import shlex

from tests.project import ROOT, after

TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def test_ten_lines_add_a_method_and_touch_nothing_else(smoke, tmp_path):
    section = TEXT.partition("## A method of PEFT, in ten lines")[2].partition("\n## ")[0]
    blocks = re.findall(r"`([^`]+)`:\n\n```\w+\n(.+?)```", section, flags=re.DOTALL)
    assert [name for name, _ in blocks] == ["pipeline/methods/loha.py", "conf/peft.yaml"]
    assert sum(bool(line.strip()) for _, text in blocks for line in text.splitlines()) <= 11
    project = smoke.copy(tmp_path / "project")
    for name, text in blocks:
        with (project.folder / name).open("a") as file:
            file.write(text)
    project.must("ruff", "check", blocks[0][0])
    project.must("ruff", "format", "--check", blocks[0][0])
    commands = re.findall("^    ((?:python|dvc) .+)$", section, flags=re.MULTILINE)
    composes, runs = map(shlex.split, commands)
    project.must(*composes)
    touched = {" M conf/peft.yaml", " M params.yaml", "?? pipeline/methods/loha.py"}
    assert set(project.must("git", "status", "--porcelain").splitlines()) == touched
    assert set(project.dvc(*runs[1:])) == {"config", *after("loha"), "compare", "report"}
    left = project.must("git", "status", "--porcelain").splitlines()
    noted = ("dvc.lock", "models/.gitignore", "reports/")  # DVC's own notes, and results
    assert {line for line in left if not line[3:].startswith(noted)} == touched
    rows = {row["name"]: row for row in project.json("reports/comparison.json")["systems"]}
    assert rows["loha"]["trainable_parameters"] == 2 * 8 * (192 + 192) * 2 * 10  # query and value of ten attentions
    assert rows["loha"]["retention"]
