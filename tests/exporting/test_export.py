"""`export`: every format answers as the run does, says so with figures, and is refused where it does not."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from pipeline import export, external, predict
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.exporting.parity import default_margin
from pipeline.models.tuned import save_tuned
from tests import tiny
from tests.exporting.conftest import answers_of_card, expected, write_card
from tests.systems import RECORDS, SUMMARIES, settings

LIKE_THE_RUN = [
    ("lora-1", "adapter"),
    ("lora", "hf"),
    ("full", "hf"),
    ("prompt_tuning", "adapter"),
    ("prompt_tuning", "soft-tokens"),
    ("few_shot", "hf"),
    ("zero_shot", "adapter"),
]


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["export", *arguments])
    export.main()


def answer(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["predict", *arguments])
    predict.main()


@pytest.mark.parametrize(("name", "form"), LIKE_THE_RUN)
def test_a_format_of_the_same_engine_answers_to_the_letter(project, monkeypatch, capsys, name, form):
    run(monkeypatch, name, "--to", form)
    said = capsys.readouterr().out
    trained = name if name in ("zero_shot", "lora-1") else f"{name}-1"
    folder = Path(f"exports/{trained}-{form}")
    assert "8 of 8 texts of test (100 %) are those of the original." in said
    assert f"python -m pipeline.predict {folder} FILE" in said
    assert [row["prediction"] for row in files.read_jsonl(folder / "predictions.jsonl")] == expected(project, trained)
    parity = files.read_json(folder / "parity.json")
    assert parity["accepted"] and parity["identical"] == parity["examples"] == 8
    assert parity["change"]["difference"] == parity["change"]["low"] == 0
    assert parity["sizes"]["export"] > 0 and parity["speeds"]["original"] > 0
    assert "| outputs per second |" in (folder / "README.md").read_text()


@pytest.mark.parametrize("name", ["lora", "full", "prompt_tuning"])
def test_ctranslate2_answers_alike(project, monkeypatch, name):
    run(monkeypatch, name, "--to", "ctranslate2", "--margin", "100")
    folder = Path(f"exports/{name}-1-ctranslate2")
    texts = [row["prediction"] for row in files.read_jsonl(folder / "predictions.jsonl")]
    same = sum(one == other for one, other in zip(texts, expected(project, f"{name}-1")))
    assert same >= 6
    assert files.read_json(folder / "parity.json")["identical"] == same


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_int8_is_smaller_and_named_so(project, monkeypatch):
    for kind in ("float32", "int8"):
        run(monkeypatch, "lora", "--to", "ctranslate2", "--quantization", kind, "--margin", "100")
    sizes = [Path(f"exports/lora-1-ctranslate2{kind}/model.bin").stat().st_size for kind in ("", "-int8")]
    assert sizes[1] < 0.6 * sizes[0]
    assert files.read_json(Path("exports/lora-1-ctranslate2-int8/settings.json"))["quantization"] == "int8"


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("prompt_tuning", "--to", "hf"),
            "a soft prompt has no place in the weights of the base; use --to soft-tokens",
        ),
        (("lora", "--to", "soft-tokens"), "lora has no soft prompt; use --to hf"),
        (("full", "--to", "adapter"), "a whole model and no adapter; use --to hf"),
        (("lora", "--to", "gguf"), r"no package of the index converts to GGUF.*convert_hf_to_gguf.py"),
        (("lora", "--to", "onnx"), r"optimum-onnx \(0.1.0\), needs a transformers before 4.58"),
        (("lora", "--to", "hf", "--output", "params.yaml/x"), "params.yaml/x: params.yaml is no folder"),
        (("loha", "--to", "hf"), "no trained method 'loha'"),
        (("lora", "--to", "hf", "--output", "models/base"), "models/base: exists already"),
        (("lora", "--to", "hf", "--output", "models/base/mine"), "in .*models/base, which the stage convert deletes"),
        (("lora", "--to", "hf", "--output", "models/cards/lora-1/x"), "which the stage model_card deletes"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason(project, monkeypatch, arguments, message):
    with pytest.raises(InputError, match=message):
        run(monkeypatch, *arguments)
    assert not Path("exports").exists() or not os.listdir("exports")


def test_a_prefix_has_no_place_in_a_plain_model(project, monkeypatch, request, architecture):
    base = request.getfixturevalue(f"{architecture}_base")
    save_tuned(tiny.adapted("prefix_tuning", base, architecture), project.tuned_model("prefix_tuning-1"))
    for place in (project.predictions, project.training_run):
        place("prefix_tuning-1").parent.mkdir(exist_ok=True)
        shutil.copy(place("lora-1"), place("prefix_tuning-1"))
    shutil.copy(project.scores("lora"), project.scores("prefix_tuning"))
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("seeds_of:\n", "seeds_of:\n  prefix_tuning: [1]\n"))
    for form, message in (("hf", "a prefix is keys and values"), ("soft-tokens", "has no soft prompt")):
        with pytest.raises(InputError, match=rf"prefix_tuning-1: .*{message}"):
            run(monkeypatch, "prefix_tuning", "--to", form)
    with pytest.raises(InputError, match=r"prefix_tuning-1: a prefix is keys and values .*; use --to adapter"):
        run(monkeypatch, "prefix_tuning", "--to", "ctranslate2")
    assert not os.listdir("exports")


def test_the_margin_is_that_of_the_comparison_or_a_third_of_it():
    score = settings(non_inferiority_margin=4.5)
    assert [default_margin(score, form) for form in ("ctranslate2", "hf", "adapter")] == [4.5, 1.5, 1.5]


def test_an_export_that_loses_too_much_is_left_aside(project, monkeypatch, capsys):
    rows = [{"id": row["id"], "prediction": row["references"][0], "ended": True} for row in RECORDS[:8]]
    files.write_jsonl(project.predictions("lora-1"), rows)
    folder = "exports/lora-1-hf"
    with pytest.raises(
        InputError, match=f"{folder}: refused, it may lose more than 1 points; it is in {folder}.rejected"
    ):
        run(monkeypatch, "lora", "--to", "hf")
    assert "0 of 8 texts of test (0 %) are those of the original" in capsys.readouterr().out
    assert os.listdir("exports") == ["lora-1-hf.rejected"]
    parity = files.read_json(Path(f"{folder}.rejected/parity.json"))
    assert not parity["accepted"]
    assert parity["scores"]["original"] > 60 > parity["scores"]["export"]
    own = files.read_json(Path(f"{folder}.rejected/settings.json"))["test"]["scores"]["rouge1"]
    assert own["value"] == own["mean"] == parity["scores"]["export"]  # what its card says is its own score
    with pytest.raises(InputError, match="rejected: exists already; delete it"):
        run(monkeypatch, "lora", "--to", "hf")
    shutil.rmtree(f"{folder}.rejected")
    run(monkeypatch, "lora", "--to", "hf", "--margin", "100")
    assert os.listdir("exports") == ["lora-1-hf"]


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_predict_needs_nothing_but_the_folder_and_its_base(project, tmp_path, monkeypatch, capsys):
    run(monkeypatch, "lora", "--to", "adapter", "--output", "my exports/the best one")
    with pytest.raises(InputError, match="the best one: exists already; delete it, or name another with --output"):
        run(monkeypatch, "lora", "--to", "adapter", "--output", "my exports/the best one")
    elsewhere = tmp_path / "else where"
    shutil.copytree("my exports/the best one", elsewhere / "lora")
    shutil.copytree("models/base", elsewhere / "a base")
    calls = [{"id": row["id"], "dialogue": row["dialogue"]} for row in RECORDS[:8]]
    files.write_jsonl(elsewhere / "calls.jsonl", calls)
    texts = expected(project, "lora-1")
    monkeypatch.chdir(elsewhere)
    with pytest.raises(InputError, match=r"models/base: no base model is there; name its folder with --base \(tiny_t5"):
        answer(monkeypatch, "lora", "calls.jsonl", "--output", "out.jsonl")
    answer(monkeypatch, "lora", "calls.jsonl", "--base", "a base", "--output", "out.jsonl")
    assert [row["prediction"] for row in files.read_jsonl(Path("out.jsonl"))] == texts
    shutil.copytree("a base", "lora/base")  # a base that travels with it
    answer(monkeypatch, "./lora", "calls.jsonl", "--output", "again.jsonl")
    assert [row["prediction"] for row in files.read_jsonl(Path("again.jsonl"))] == texts
    change(Path("lora/base/model.safetensors"))
    with pytest.raises(InputError, match=r"lora/base: not the base that lora was trained on, or changed since"):
        answer(monkeypatch, "lora", "calls.jsonl", "--output", "third.jsonl")


@pytest.mark.parametrize("architecture", ["causal"], indirect=True, scope="module")
def test_an_adapter_of_a_hubs_base_names_it_there(project, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    files.write_json(project.raw_model / "source.json", {"repo_id": "us/base", "commit": commit})
    run(monkeypatch, "lora", "--to", "adapter")
    folder = Path("exports/lora-1-adapter")
    config = files.read_json(folder / "adapter_config.json")
    assert (config["base_model_name_or_path"], config["revision"]) == ("us/base", commit)
    line = f'base = AutoModelForCausalLM.from_pretrained("us/base", revision="{commit}", dtype="float32")'
    assert line in (folder / "README.md").read_text()
    project.base_model.rename("elsewhere")
    files.write_jsonl(Path("calls.jsonl"), [{"id": row["id"], "dialogue": row["dialogue"]} for row in RECORDS[:8]])
    with pytest.raises(InputError, match=f"no base model is there; name its folder with --base .*us/base at {commit}"):
        answer(monkeypatch, str(folder), "calls.jsonl", "--output", "out.jsonl")
    answer(monkeypatch, str(folder), "calls.jsonl", "--output", "out.jsonl", "--base", "elsewhere")
    assert [row["prediction"] for row in files.read_jsonl(Path("out.jsonl"))] == expected(project, "lora-1")


def change(weights: Path) -> None:
    """Another last value, in a file that is still valid."""
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_methods_and_folders_answer_side_by_side(project, monkeypatch):
    files.write_jsonl(Path("calls.jsonl"), [{"id": row["id"], "dialogue": row["dialogue"]} for row in RECORDS[:8]])
    run(monkeypatch, "lora", "--to", "hf")
    card = write_card(project, "full-1")
    answer(monkeypatch, f"lora,exports/lora-1-hf,{card}", "calls.jsonl", "--output", "out.jsonl")
    rows = files.read_jsonl(Path("out.jsonl"))
    assert list(rows[0]) == ["id", "lora", "exports/lora-1-hf", "models/cards/full-1"]
    assert [row["exports/lora-1-hf"] for row in rows] == [row["lora"] for row in rows] == expected(project, "lora-1")
    assert [row["models/cards/full-1"] for row in rows] == expected(project, "full-1")


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_the_comparison_takes_an_export_as_a_row(project, monkeypatch):
    run(monkeypatch, "lora", "--to", "hf")
    theirs = settings(external={"plain": "exports/lora-1-hf/predictions.jsonl"})
    external.run("plain", project, task=SUMMARIES, score=theirs)
    assert files.read_json(project.metrics("plain")) == files.read_json(project.metrics("lora"))


@pytest.mark.parametrize(
    ("name", "form"),
    [("lora", "adapter"), ("lora", "hf"), ("prompt_tuning", "soft-tokens"), ("lora", "ctranslate2")],
)
def test_the_lines_of_its_card_answer_alike(project, monkeypatch, name, form):
    run(monkeypatch, name, "--to", form, "--margin", "100")
    folder = Path(f"exports/{name}-1-{form}")
    texts = [row["prediction"] for row in files.read_jsonl(folder / "predictions.jsonl")]
    assert answers_of_card(folder, prompts(project)) == texts


def prompts(paths: Paths) -> list[str]:
    return [row["prompt"] for row in files.read_jsonl(paths.prompts("test"))]
