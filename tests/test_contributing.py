"""CONTRIBUTING.md's own examples, followed to the letter."""

import re
import shlex
import shutil

import pytest
import torch
from safetensors.torch import load_file

from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.core.token_files import write_tokens
from pipeline.models.tuned import load_tuned
from tests import tiny
from tests.project import ROOT, Project, after

pytestmark = pytest.mark.slow
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def section(title: str) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """The code blocks of a section, each with the file that it belongs to, and its commands as lists of words."""
    text = TEXT.partition(f"## {title}")[2].partition("\n## ")[0]
    blocks = re.findall(r"`([^`]+)`:\n\n```\w+\n(.+?)```", text, flags=re.DOTALL)
    commands = re.findall("^    ((?:python|dvc) .+)$", text, flags=re.MULTILINE)
    return blocks, [shlex.split(command) for command in commands]


def add(project: Project, blocks: list[tuple[str, str]]) -> None:
    """Append the code blocks to their files; the Python among them passes the project's linter."""
    for name, text in blocks:
        with (project.folder / name).open("a") as file:
            file.write(text)
    project.must("ruff", "check", blocks[0][0])
    project.must("ruff", "format", "--check", blocks[0][0])


def changed(project: Project) -> set[str]:
    return set(project.must("git", "status", "--porcelain").splitlines())


def test_ten_lines_add_a_method_and_touch_nothing_else(small, tmp_path):
    blocks, (composes, runs) = section("A method of PEFT, in ten lines")
    assert [name for name, _ in blocks] == ["pipeline/methods/loha.py", "conf/peft_methods.yaml"]
    assert sum(bool(line.strip()) for _, text in blocks for line in text.splitlines()) <= 11
    project = small.copy(tmp_path / "project")
    add(project, blocks)
    project.must(*composes)
    touched = {" M conf/peft_methods.yaml", " M params.yaml", "?? pipeline/methods/loha.py"}
    assert changed(project) == touched
    assert set(project.dvc(*runs[1:])) == {"config", "code", *after("loha"), "compare", "report"}
    noted = ("dvc.lock", "reports/")  # DVC's own notes, and results
    assert {line for line in changed(project) if not line[3:].startswith(noted)} == touched
    rows = {row["name"]: row for row in project.json("reports/comparison.json")["systems"]}
    assert rows["loha"]["trainable_parameters"] == 2 * 8 * (192 + 192) * 2 * 10  # query and value of ten attentions
    assert rows["loha"]["forgetting"]["readings"]["by_choice"]["change"]


def test_ten_lines_add_a_task_and_need_no_code(small, tmp_path):
    blocks, ((*run,),) = section("A task, in ten lines")
    assert [name for name, _ in blocks] == ["conf/task/call_mood.yaml", "conf/template/call_mood.yaml"]
    assert sum(bool(line.strip()) for _, text in blocks for line in text.splitlines()) <= 11
    project = small.copy(tmp_path / "project")
    for name, text in blocks:
        (project.folder / name).write_text(text)
    moods = ("happy", "neutral", "unhappy")
    rows = [{"call": f"A: Is it done?\nB: Call {n} is.", "mood": moods[n % 3]} for n in range(24)]
    files.write_jsonl(project.folder / "moods.jsonl", rows)
    project.dvc(*run[1:])
    comparison = project.json("reports/comparison.json")
    assert comparison["primary_metric"] == "accuracy"
    assert [row["name"] for row in comparison["systems"]] == ["most_frequent", "zero_shot", "lora"]
    assert project.json("reports/metrics/lora.json").keys() == comparison["systems"][0]["scores"].keys()
    row = files.read_jsonl(project.folder / "data/prompts/test.jsonl")[0]
    assert row["prompt"] == f"{row['source']}\n\nIs the customer happy, neutral or unhappy?"
    assert row["choices"] == sorted(moods)


def test_ten_lines_add_a_task_to_the_mixture(small, tmp_path):
    ((name, text),), ((*run,),) = section("A further task of a mixture, in ten lines")
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 10
    project = small.copy(tmp_path / "project")
    (project.folder / name).write_text(text)
    rows = [f"The {n} books that you asked for are here.,Books {n}" for n in range(30)]
    (project.folder / "mails.csv").write_text("\n".join(["text,subject", *rows]))
    project.dvc(*run[1:], "mix")
    card = project.json("reports/mixture.json")
    assert card["tasks"]["subject"]["gave"] == round(card["own"] * 0.25)
    row = files.read_jsonl(project.folder / "data/mixed/train.jsonl")[-1]
    assert row["completion"].startswith("Books ") and row["source"] in row["prompt"]


def test_ten_lines_add_a_task_of_a_benchmark(small, tmp_path):
    pytest.importorskip("lm_eval", reason="lm-eval is an extra: pip install --editable '.[benchmark]'")
    ((name, text),), ((*run,),) = section("A task of a benchmark, in ten lines")
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 10
    project = small.copy(tmp_path / "project")
    (project.folder / name).write_text(text)
    rows = [{"country": f"Land {n}", "cities": ["Here", "There", "Nowhere"], "right": n % 3} for n in range(9)]
    files.write_jsonl(project.folder / "capitals.jsonl", rows)
    project.dvc(*run[1:])
    found = project.json("reports/comparison.json")["benchmark"]
    assert found["items"] == {"capitals": 9} and list(found["scores"]) == ["zero_shot", "lora"]
    assert list(found["differences"]) == ["lora"]
    assert "## Benchmark" in (project.folder / "reports/comparison.md").read_text()


@pytest.fixture(scope="module")
def bitfit(tmp_path_factory, bart_base) -> Project:
    """A project with BitFit, a BART as its base, and tokens."""
    blocks, (composes, runs) = section("A method that PEFT does not have")
    assert [name for name, _ in blocks] == ["pipeline/methods/bitfit.py", "conf/peft_methods.yaml"]
    assert runs[:3] == ["dvc", "exp", "run"] and "methods=[zero_shot,bitfit]" in runs
    project = Project.fresh(tmp_path_factory.mktemp("bitfit"))
    add(project, blocks)
    project.must(*composes)
    assert changed(project) == {" M conf/peft_methods.yaml", " M params.yaml", "?? pipeline/methods/bitfit.py"}
    paths, rows = Paths(project.folder), tiny.examples(tiny.load(bart_base, "seq2seq"))
    shutil.copytree(bart_base, paths.base_model)
    for split in ("train", "validation"):
        write_tokens(paths.tokens(split), rows)
    return project


def test_a_method_that_peft_does_not_have_saves_what_it_trained_and_nothing_more(bitfit, bart_base):
    bitfit.must("python", "-m", "pipeline.train", "bitfit-1")
    paths, network = Paths(bitfit.folder), tiny.load(bart_base, "seq2seq").network
    biases = {name: value for name, value in network.named_parameters() if name.endswith("bias")}
    saved = load_file(paths.tuned_model("bitfit-1") / "trained.safetensors")
    assert set(saved) == set(biases) and len(list(paths.tuned_model("bitfit-1").iterdir())) == 1
    assert not any(saved[name].equal(value) for name, value in biases.items() if "k_proj" not in name)
    record = bitfit.json("reports/runs/train/bitfit-1.json")
    assert record["trainable_parameters"] == sum(value.numel() for value in biases.values())
    assert record["needs_base"] and record["bytes"] < record["base_bytes"] / 5


def test_a_method_that_peft_does_not_have_is_read_back(bitfit, bart_base):
    paths, base = Paths(bitfit.folder), tiny.load(bart_base, "seq2seq")
    if not paths.tuned_model("bitfit-1").exists():
        bitfit.must("python", "-m", "pipeline.train", "bitfit-1")
    tuned = load_tuned(paths.base_model, paths.tuned_model("bitfit-1"), "seq2seq", chat=None, merge=True)
    tuned.network.eval()
    batch = base.collate(tiny.examples(base))
    with torch.inference_mode():
        before, after_training = base.loss(batch)[0], tuned.loss(batch)[0]
    assert after_training < before


def test_a_method_that_finds_nothing_to_train_is_refused(bitfit, seq2seq_base):
    """T5 has no biases."""
    paths = Paths(bitfit.folder)
    kept = paths.base_model.rename(paths.base_model.with_name("bart"))
    shutil.copytree(seq2seq_base, paths.base_model)
    shutil.rmtree(paths.tuned_model("bitfit-1"), ignore_errors=True)
    done = bitfit.run("python", "-m", "pipeline.train", "bitfit-1")
    shutil.rmtree(paths.base_model)
    kept.rename(paths.base_model)
    assert done.returncode == 1
    message = "python -m pipeline.train: error: bitfit: this model has no parameter that the method trains"
    assert [line for line in done.stderr.splitlines() if "error" in line] == [message]
    assert not paths.tuned_model("bitfit-1").exists()


def test_the_values_of_both_examples_are_valid_settings(bitfit):
    """`python -m pipeline compose` checks every method's section in its own types."""
    bad = bitfit.run("python", "-m", "pipeline", "compose", "bitfit.learning_rate=-1")
    assert bad.returncode == 1 and "bitfit.learning_rate: -1" in bad.stderr
