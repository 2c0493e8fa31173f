"""Less memory for the same losses, and what is refused."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from transformers.activations import NewGELUActivation

from pipeline.core.errors import InputError
from pipeline.core.params import read_params
from pipeline.experiments import configuration
from pipeline.training.low_memory import save_memory
from tests import tiny
from tests.project import ROOT


def losses(base, folder, architecture: str, method: str, precision: str, **train) -> list[float]:
    trainer = tiny.trainer(base, folder, method, precision, architecture, train=train)
    trainer.model.collate(trainer.examples[:1])  # which may try the network, in fp32
    save_memory(method, trainer.model, trainer.settings, precision)
    return [entry.get("loss", entry.get("validation_loss")) for entry in trainer.train().history]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora", "prompt_tuning"])
def test_gradient_checkpointing_gives_the_same_losses(base, architecture, method, tmp_path):
    plain = losses(base, tmp_path / "plain", architecture, method, "fp32")
    recomputed = losses(base, tmp_path / "recomputed", architecture, method, "fp32", gradient_checkpointing=True)
    assert recomputed == pytest.approx(plain, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "prompt_tuning"])
def test_a_frozen_base_in_bf16_gives_the_same_losses_to_the_bit(base, architecture, method, tmp_path):
    plain = losses(base, tmp_path / "plain", architecture, method, "bf16")
    assert losses(base, tmp_path / "halved", architecture, method, "bf16", base_weights="bf16") == plain


def test_gelu_is_one_operation_in_half_precision_and_the_same_function(seq2seq_base, tmp_path):
    model = tiny.load(seq2seq_base, "seq2seq")
    inputs = torch.linspace(-8, 8, 1000, dtype=torch.float64)
    slow = [module for module in model.network.modules() if isinstance(module, NewGELUActivation)]
    save_memory("full", model, tiny.train_params(), "fp32")
    assert slow and slow == [module for module in model.network.modules() if isinstance(module, NewGELUActivation)]
    names = list(model.network.state_dict())
    save_memory("full", model, tiny.train_params(), "bf16")
    fast = [module for module in model.network.modules() if isinstance(module, torch.nn.GELU)]
    assert len(fast) == len(slow) and list(model.network.state_dict()) == names
    assert not [module for module in model.network.modules() if isinstance(module, NewGELUActivation)]
    torch.testing.assert_close(fast[0](inputs), slow[0](inputs), rtol=1e-12, atol=1e-12)


def test_only_frozen_linear_layers_are_halved(base, architecture):
    model = tiny.adapt(tiny.load(base, architecture), "lora")
    embeddings = model.network.get_input_embeddings()
    save_memory("lora", model, tiny.train_params(base_weights="bf16"), "bf16")
    halved = {name for name, value in model.network.named_parameters() if value.dtype == torch.bfloat16}
    assert halved and embeddings.weight.dtype == torch.float32
    assert not [name for name in halved if "lora_" in name or "norm" in name]


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux which files are mapped")
def test_a_smaller_base_does_not_keep_the_file_of_the_whole_one(base, architecture, tmp_path):
    folder = shutil.copytree(base, tmp_path / "base")
    model = tiny.adapt(tiny.load(folder, architecture), "lora")
    weights = str(folder / "model.safetensors")
    assert weights in Path("/proc/self/maps").read_text()
    save_memory("lora", model, tiny.train_params(base_weights="bf16"), "bf16")
    assert weights not in Path("/proc/self/maps").read_text()


def test_a_base_that_is_trained_cannot_be_in_bf16(seq2seq_base):
    model, train = tiny.adapt(tiny.load(seq2seq_base, "seq2seq"), "full"), tiny.train_params(base_weights="bf16")
    with pytest.raises(InputError, match=r"full: train.base_weights=bf16 is for methods that leave the base frozen"):
        save_memory("full", model, train, "bf16")
    with pytest.raises(InputError, match=r"needs train.precision=bf16, and it is fp32"):
        save_memory("lora", model, train, "fp32")


def test_a_prefix_cannot_be_recomputed(seq2seq_base):
    model = tiny.adapt(tiny.load(seq2seq_base, "seq2seq"), "prefix_tuning")
    with pytest.raises(InputError, match="prefix_tuning: its prefix is in the cache"):
        save_memory("prefix_tuning", model, tiny.train_params(gradient_checkpointing=True), "fp32")


@pytest.mark.parametrize(
    "methods, precision, message",
    [(["lora", "full"], "bf16", "leave full out of `methods`"), (["lora"], "fp32", "needs train.precision=bf16")],
)
def test_the_configuration_is_refused_before_anything_runs(methods, precision, message):
    values = read_params(ROOT / "params.yaml")
    values["methods"] = methods
    for name, compute in configuration.COMPUTED.items():
        values[name] = compute(values)
    values["train"] |= {"base_weights": "bf16", "precision": precision}
    with pytest.raises(InputError, match=message):
        configuration.validate(values, ROOT)


def test_full_fine_tuning_of_a_quantized_base_is_refused_before_anything_runs():
    values = read_params(ROOT / "params.yaml")
    values["train"] |= {"base_weights": "4bit"}
    with pytest.raises(InputError, match=r"'4bit' is for a frozen base.* leave full out of `methods`"):
        configuration.validate(values, ROOT)
    values["methods"] = ["lora"]
    for name, compute in configuration.COMPUTED.items():
        values[name] = compute(values)
    configuration.validate(values, ROOT)  # in whatever precision
