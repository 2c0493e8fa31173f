"""A model folder, read offline."""

import torch
from safetensors.torch import load_file, save_file

from pipeline.models.loading import count_parameters, load_model, load_text_encoder, load_tokenizer, missing_weights
from tests import tiny


def test_weights_are_loaded_as_fp32(tmp_path, base, architecture):
    model = tiny.load(base, architecture)
    model.network.to(torch.bfloat16).save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    loaded = load_model(tmp_path, architecture, chat=None)
    assert {parameter.dtype for parameter in loaded.network.parameters()} == {torch.float32}


def test_a_tokenizer_without_a_pad_token_pads_with_the_end_token(tmp_path, causal_base):
    tokenizer = load_tokenizer(causal_base)
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path).pad_token_id == tokenizer.eos_token_id


def test_a_text_encoder_needs_no_weights(tmp_path, base, architecture):
    load_tokenizer(base).save_pretrained(tmp_path)
    encoder = load_text_encoder(tmp_path, architecture, chat=None)
    assert encoder.network is None
    assert encoder.tokenizer("A: Hi.")["input_ids"]


def test_parameters_are_counted_without_loading_a_model(base, architecture):
    network = tiny.load(base, architecture).network
    assert count_parameters(base) == sum(value.numel() for value in network.parameters())


def test_weights_that_are_absent_or_of_another_shape_are_named(tmp_path, base, architecture):
    assert missing_weights(base, architecture) == []
    model = tiny.load(base, architecture)
    model.network.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    absent, reshaped = [name for name in weights if name.endswith("norm.weight")][:2]
    del weights[absent]
    weights[reshaped] = torch.zeros(3)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    missing = missing_weights(tmp_path, architecture)
    assert len(missing) == 2
    assert any(absent in name for name in missing) and any(reshaped in name for name in missing)
