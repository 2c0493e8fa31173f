"""What of a folder is the model, and what is refused before anything of it is read."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.core.errors import InputError
from pipeline.models.model_folder import copy_model
from pipeline.models.tuned import save_tuned
from tests import tiny


@pytest.fixture
def source(tmp_path, causal_base):
    return Path(shutil.copytree(causal_base, tmp_path / "source"))


def change_config(source, **values):
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(config | values))


def test_an_adapter_beside_the_model_stays_behind(tmp_path, source, causal_base):
    save_tuned(tiny.adapted("lora", causal_base, "causal"), source)
    assert (source / "adapter_model.safetensors").exists()
    copy_model(source, tmp_path / "base")
    assert not list((tmp_path / "base").glob("adapter*"))
    prompts = tiny.prompts(tiny.load(causal_base, "causal"))
    ours, theirs = (
        tiny.answers(tiny.load(folder, "causal"), 1, prompts) for folder in (tmp_path / "base", causal_base)
    )
    assert ours == theirs


def test_code_and_pickles_stay_behind_and_nothing_names_them(tmp_path, source):
    for name in ("modeling_mine.py", "training_args.bin", "optimizer.pt", "trainer_state.json"):
        (source / name).write_bytes(b"raise SystemExit")
    change_config(source, auto_map={"AutoConfig": "modeling_mine.Config"})
    copy_model(source, tmp_path / "base")
    names = {path.name for path in (tmp_path / "base").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not names & {"modeling_mine.py", "training_args.bin", "optimizer.pt", "trainer_state.json"}
    assert "auto_map" not in json.loads((tmp_path / "base/config.json").read_text())


def test_other_weights_beside_the_models_own_stay_behind(tmp_path, source):
    shutil.copy(source / "model.safetensors", source / "consolidated.safetensors")
    copy_model(source, tmp_path / "base")
    assert [path.name for path in (tmp_path / "base").glob("*.safetensors")] == ["model.safetensors"]


def test_weights_in_parts_are_copied_with_their_index(tmp_path, source, causal_base):
    network = tiny.load(causal_base, "causal").network
    (source / "model.safetensors").unlink()
    network.save_pretrained(source, max_shard_size="50KB")
    copy_model(source, tmp_path / "base")
    assert len(list((tmp_path / "base").glob("model-0*.safetensors"))) > 1
    assert tiny.load(tmp_path / "base", "causal").network.lm_head.weight.equal(network.lm_head.weight)


@pytest.mark.parametrize("method", ["bitsandbytes", "gptq", "awq", "fp8"])
def test_a_quantized_checkpoint_is_refused(tmp_path, source, method):
    change_config(source, quantization_config={"quant_method": method, "load_in_4bit": True})
    with pytest.raises(InputError, match="source: a quantized checkpoint, which can't be trained whole"):
        copy_model(source, tmp_path / "base")


def test_a_model_without_its_tokenizer_is_refused(tmp_path, source):
    for path in source.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(InputError, match=r"source: no tokenizer beside the weights .*tokenizer\.save_pretrained"):
        copy_model(source, tmp_path / "base")


def test_an_adapter_alone_is_refused(tmp_path, causal_base):
    save_tuned(tiny.adapted("lora", causal_base, "causal"), tmp_path / "adapter")
    with pytest.raises(InputError, match="adapter: an adapter without its base; merge it"):
        copy_model(tmp_path / "adapter", tmp_path / "base")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("config.json", "{", r"config\.json: not JSON"),
        ("config.json", "[]", "no model_type"),
        ("config.json", '{"model_type": 3}', "no model_type"),
        ("model.safetensors.index.json", "{}", "no weight_map"),
        (
            "model.safetensors.index.json",
            '{"weight_map": {"a": "../secret"}}',
            r"names '\.\./secret', which is no file",
        ),
        ("model.safetensors", "cut", r"model\.safetensors: broken safetensors .* partial download"),
    ],
)
def test_a_broken_file_is_named(tmp_path, source, name, content, complaint):
    (source / name).write_text(content)
    with pytest.raises(InputError, match=complaint) as refusal:
        copy_model(source, tmp_path / "base")
    assert "\n" not in str(refusal.value)


def test_kernels_and_outputs_that_a_configuration_names_stay_behind(tmp_path, source, causal_base):
    """A kernel may be a name on the hub; an output that nobody asks for needs eager attention."""
    change_config(source, attn_implementation="somebody/kernel", output_attentions=True, return_dict=False)
    copy_model(source, tmp_path / "base")
    ours, theirs = (tiny.answers(tiny.load(folder, "causal"), 2) for folder in (tmp_path / "base", causal_base))
    assert ours == theirs


@pytest.mark.parametrize("values", [{"num_hidden_layers": 10**9}, {"decoder": {"num_experts": 10**7}}])
def test_layers_that_the_weights_cannot_have_are_refused_at_once(tmp_path, source, values):
    change_config(source, **values)
    with pytest.raises(InputError, match=r"config\.json: num_\w+ is 1[0,]+, too many for weights of 20 tensors$"):
        copy_model(source, tmp_path / "base")


def test_a_configuration_may_name_many_positions(tmp_path, source):
    change_config(source, max_position_embeddings=10_485_760, max_window_layers=28, quantization_config=None)
    copy_model(source, tmp_path / "base")


@pytest.mark.parametrize("kind", [torch.int8, torch.float8_e4m3fn])
def test_quantized_weights_are_refused_whatever_the_configuration_says(tmp_path, source, kind):
    weights = {name: value.to(kind) for name, value in load_file(source / "model.safetensors").items()}
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"model\.safetensors: weights of type (I8|F8_E4M3): a quantized checkpoint"):
        copy_model(source, tmp_path / "base")


@pytest.mark.parametrize("name", ["generation_config.json", "tokenizer_config.json", "added_tokens.json"])
def test_a_broken_file_beside_the_weights_is_named(tmp_path, source, name):
    (source / name).write_text('{"eos_token_id": 2')
    with pytest.raises(InputError, match=rf"{name}: not JSON: Expecting"):
        copy_model(source, tmp_path / "base")
