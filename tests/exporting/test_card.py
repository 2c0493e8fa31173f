"""Model cards: their lines load the model and answer alike, and their facts are those of the files."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.exporting.base_model import weight_hashes
from pipeline.exporting.card import fenced, license_keys, render_card
from pipeline.exporting.licenses import card_license
from pipeline.exporting.usage import answer_lines, usage
from pipeline.inference.settings import current, read_file, read_settings
from pipeline.models.prompts import encode_prompt, join_turns
from pipeline.models.tuned import save_tuned
from tests import tiny
from tests.exporting.conftest import answers_of_card, expected, write_card


@pytest.mark.parametrize("run", ["lora-1", "prompt_tuning-1", "full-1", "zero_shot"])
def test_the_three_lines_of_a_card_load_the_model_and_it_answers_alike(project, run):
    card = write_card(project, run)
    prompts = [row["prompt"] for row in files.read_jsonl(project.prompts("test"))]
    assert answers_of_card(card, prompts) == expected(project, run)


def facts(architecture: str, chat: bool = False, **arguments: object) -> dict:
    """What lines are made from, of settings.json."""
    template = {"chat_template_kwargs": arguments}
    return {"model": {"architecture": architecture, "chat": chat}, "template": template, "base": {"source": {}}}


def test_a_chat_models_prompt_is_a_turn_in_its_template(causal_base):
    loaded = tiny.load(causal_base, "causal", tiny.CHAT_SETTINGS)
    (line,) = [one for one in answer_lines(facts("causal", chat=True, tone="kind")) if one.startswith("ids = ")]
    assert line.endswith("return_dict=False, tone='kind')")
    names = {"tokenizer": loaded.tokenizer, "prompt": "Is it late?"}
    exec(line, names)
    assert names["ids"] == encode_prompt(join_turns([], "Is it late?", loaded), loaded)[1]


def test_the_lines_load_some_parameters_of_the_base_too(tmp_path, bart_base, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loaded = tiny.load(bart_base, "seq2seq")
    loaded.network.requires_grad_(False)
    for name, parameter in loaded.network.named_parameters():
        parameter.requires_grad = name.endswith(".bias")
        parameter.data += parameter.requires_grad
    save_tuned(loaded, Path("tuned"))
    names: dict = {}
    lines = usage(facts("seq2seq"), Path("tuned"), "tuned", str(bart_base), "card")
    exec("\n".join([*lines.imports, *lines.load]), names)
    for name, parameter in names["model"].named_parameters():
        assert parameter.equal(loaded.network.get_parameter(name)), name


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_settings_say_all_that_an_answer_depends_on(project):
    card = write_card(project, "lora-1")
    values, now, read = read_file(card), current(project), read_settings(card)
    for name in ("task", "template", "model", "generate", "limits", "seed"):
        assert getattr(read, name) == getattr(now, name)
    assert (values["run"], values["method"], values["training_seed"]) == ("lora-1", "lora", 1)
    assert values["base"]["sha256"] == weight_hashes(project.base_model)
    assert values["base"]["source"] == {"path": "models/mine"}
    scores = files.read_json(project.scores("lora"))
    own = {"value": scores["by_seed"]["1"]["rouge1"]}
    assert values["test"]["scores"]["rouge1"] == scores["scores"]["rouge1"] | own
    assert values["versions"]["transformers"]
    config = files.read_json(card / "generation_config.json")
    assert (config["num_beams"], config["max_new_tokens"], config["eos_token_id"]) == (2, 6, [1])


@pytest.mark.parametrize("architecture", ["causal"], indirect=True, scope="module")
def test_hubs_read_the_metadata_of_a_card(project):
    Path("models/mine/README.md").write_text("---\nlicense: other\nlicense_name: \"Mine: 'all'\"\n---\n# A\n")
    data = ModelCard.load(write_card(project, "lora-1") / "README.md").data
    assert (data.library_name, data.license, data.license_name) == ("peft", "other", "Mine: 'all'")
    (rouge1,) = [result for result in data.eval_results if result.metric_type == "rouge1"]
    assert rouge1.metric_value == files.read_json(project.metrics("lora"))["rouge1"]
    assert (rouge1.dataset_name, rouge1.dataset_split) == ("support_calls", "test")
    assert ModelCard.load(write_card(project, "full-1") / "README.md").data.library_name == "transformers"


@pytest.mark.parametrize("architecture", ["causal"], indirect=True, scope="module")
def test_what_is_known_of_a_hub_model_and_data_set_is_told(project):
    commit = "0123456789abcdef0123456789abcdef01234567"
    files.write_json(project.raw_model / "source.json", {"repo_id": "us/base", "commit": commit})
    source = {"repo_id": "us/calls", "commit": commit}
    files.write_json(project.raw_data / "source.json", source | {"license": "cc-by-4.0"})
    hub = {"repo_id": "us/calls", "revision": "main", "rows": {}}
    card = write_card(project, "lora-1", hub=hub)
    data, values = ModelCard.load(card / "README.md").data, read_file(card)
    assert (data.base_model, data.base_model_relation, data.datasets) == ("us/base", "adapter", "us/calls")
    assert (values["data"]["license"], values["base"]["license"]) == ("cc-by-4.0", "unknown")
    assert values["data"]["source"] == source
    assert "A license that is unknown is stated neither" in (card / "README.md").read_text()


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_what_is_missing_is_told_with_the_stage_that_writes_it(project):
    for path, stage in (
        (project.training_run("lora-1"), "train@lora-1"),
        (project.scores("lora"), "score@lora"),
        (project.limits, "tokenize"),
        (project.raw_model / "source.json", "download_model"),
    ):
        path.rename(path.with_name("elsewhere"))
        with pytest.raises(InputError, match=f"{path}: no such file; make it with `dvc repro {stage}`"):
            write_card(project, "lora-1")
        path.with_name("elsewhere").rename(path)
    shutil.rmtree(project.base_model)
    with pytest.raises(InputError, match="models/base: no such file; make it with `dvc repro convert`"):
        write_card(project, "lora-1")


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_a_card_stands_whatever_its_texts_hold(project):
    values = json.loads((write_card(project, "lora-1") / "settings.json").read_text())
    values["template"]["prompts"] = ["```\n--- {{ dialogue }} | ` |\n````"]
    values["base"]["name"] = 'a "name": with # signs'
    values["run"] = "lora: 1"
    text = render_card(values, usage(values, project.tuned_model("lora-1"), 'a "b"', "c", "d"))
    assert ModelCard(text).data.model_name == "lora: 1"
    assert "`````text\n```\n--- {{ dialogue }} | ` |\n````\n`````" in text
    assert r'PeftModel.from_pretrained(base, "a \"b\"")' in text


@pytest.mark.parametrize("architecture", ["seq2seq"], indirect=True, scope="module")
def test_a_base_that_was_quantized_while_it_was_trained_on_is_told(project):
    path = project.training_run("lora-1")
    for base_weights, told in (
        ("fp32", "- Precision: bf16\n"),
        ("4bit", "- Precision: bf16, on the base's weights in 4 bits; the scores are with the base in fp32\n"),
    ):
        files.write_json(path, files.read_json(path) | {"precision": "bf16", "base_weights": base_weights})
        assert told in (write_card(project, "lora-1") / "README.md").read_text()


def test_licenses_are_read_and_never_made_up(tmp_path):
    readme = tmp_path / "README.md"
    assert card_license(tmp_path) == ""
    for text, found in (
        ("---\nlicense: mit\n---\n", "mit"),
        ("---\nlicense: [mit, apache-2.0]\n---\n", "mit, apache-2.0"),
        ("---\nlicense: other\nlicense_name: Ours\n---\n", "Ours"),
        ("---\nlanguage: en\n---\n", ""),
        ("---\n: {\n---\n", ""),
        ("# No metadata\nlicense: mit\n", ""),
        ("---\n- license\n---\n", ""),
    ):
        readme.write_text(text)
        assert card_license(tmp_path) == found, text
    readme.write_bytes(b"\xff\xfe---")
    assert card_license(tmp_path) == ""
    assert license_keys("Apache-2.0") == {"license": "apache-2.0"}
    assert license_keys("Apache Software License") == {"license": "other", "license_name": "Apache Software License"}


def test_a_fence_is_longer_than_what_is_in_it():
    assert fenced(["a"], "text") == "```text\na\n```"
    assert fenced(["a ````` b"], "text").startswith("``````text\n")
