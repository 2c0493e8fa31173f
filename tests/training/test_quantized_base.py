"""Training beside a base in 8 or 4 bits."""

import subprocess
import sys

import pytest
import torch

pytest.importorskip("bitsandbytes", reason="bitsandbytes is an extra: pip install --editable '.[quantized]'")

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.models.agreement import check_start, logits_of, same
from pipeline.models.tuned import load_tuned, save_tuned, trained_parameters
from pipeline.planning.packed_weights import packed_bytes, quantizable
from pipeline.training.low_memory import save_memory
from pipeline.training.quantized_base import adapt, import_bitsandbytes, load_base, quantized_layers
from tests import tiny

KINDS = ("8bit", "4bit")


def adapted(base, architecture: str, method: str, kind: str, precision: str = "fp32", **changes):
    """A quantized base with a method's adapter, in training mode, and its loss of some examples."""
    train = tiny.train_params(base_weights=kind)
    model = load_base(base, architecture, train, precision)
    rows = tiny.examples(model)
    before = logits_of(model, rows)
    torch.manual_seed(1)
    params = tiny.method_params(method, **changes)
    model.network = adapt(method, methods.find(method), model, params, 1, train)
    check_start(method, model, rows, before)
    save_memory(method, model, train, precision)
    model.network.train()
    return model


def gradients(model, precision: str = "fp32") -> dict[str, torch.Tensor]:
    model.network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        model.loss(model.collate(tiny.examples(model)))[0].backward()
    return {name: value.grad for name, value in trained_parameters(model.network).items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", tiny.trained_methods("full"))
def test_methods_start_from_the_quantized_base_and_learn(base, architecture, method, kind):
    if (method, kind) == ("dora", "8bit"):
        with pytest.raises(InputError, match=r"DoRA does not work with train.base_weights=8bit on a CPU"):
            adapted(base, architecture, method, kind)
        return
    for precision in ("fp32", "bf16"):
        model = adapted(base, architecture, method, kind, precision)
        found = gradients(model, precision)
        assert found and all(one is not None and torch.isfinite(one).all() for one in found.values())
        assert any(one.abs().sum() > 0 for one in found.values())
        assert {value.dtype for value in trained_parameters(model.network).values()} == {torch.float32}


@pytest.mark.parametrize("kind", KINDS)
def test_quantized_layers_give_out_what_autocast_is_for(base, architecture, kind):
    network = load_base(base, architecture, tiny.train_params(base_weights=kind), "bf16").network
    layer = quantized_layers(network)[0]
    inputs = torch.randn(2, 3, layer.in_features)
    wide = layer(inputs)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(inputs)
    assert (wide.dtype, half.dtype) == (torch.float32, torch.bfloat16)
    assert (half.float() - wide).norm() < 0.02 * wide.norm()


def test_what_is_constant_in_adalora_is_not_trained(seq2seq_base):
    model = adapted(seq2seq_base, "seq2seq", "adalora", "4bit", "bf16")
    assert not [name for name in trained_parameters(model.network) if "ranknum" in name]


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_after_a_validation_are_those_before_it(base, architecture, kind):
    model = adapted(base, architecture, "lora", kind)
    before = gradients(model)
    logits_of(model, tiny.examples(model))
    after = gradients(model)
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_base_that_is_trained_cannot_be_quantized(base, architecture, kind):
    with pytest.raises(InputError, match=f"full: train.base_weights={kind} is for methods that leave the base frozen"):
        adapted(base, architecture, "full", kind)


def test_a_rank_is_compared_with_the_layers_and_not_with_packed_weights(causal_base):
    with pytest.raises(InputError, match="rank 65 is above the width of every layer of this model; at most 32"):
        adapted(causal_base, "causal", "lora", "4bit", r=65)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_knows_the_bytes_of_quantized_weights(base, architecture, kind):
    expected = [packed_bytes(weight, kind) for weight in quantizable(tiny.load(base, architecture).network)]
    model = load_base(base, architecture, tiny.train_params(base_weights=kind), "fp32")
    weights = [value for value in model.network.parameters() if not value.is_floating_point()]
    assert len(weights) == len(expected)
    assert sum(map(real_bytes, weights)) == sum(expected)


def real_bytes(weight) -> int:
    """Of a weight with its scales, without the tables of values that all layers could share."""
    if weight.dtype == torch.int8:
        return weight.nbytes + weight.SCB.nbytes
    return weight.nbytes + weight.quant_state.absmax.nbytes + weight.quant_state.state2.absmax.nbytes


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["lora", "prompt_tuning"])
def test_losses_are_near_those_of_the_base_in_fp32(base, architecture, method, kind, tmp_path):
    plain = tiny.trainer(base, tmp_path / "plain", method, architecture=architecture)
    quantized = tiny.trainer(
        base, tmp_path / "quantized", method, architecture=architecture, train={"base_weights": kind}
    )
    one, other = (trainer.train().history[-1]["validation_loss"] for trainer in (plain, quantized))
    assert one != other and other == pytest.approx(one, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["lora", "adalora"])
def test_an_interrupted_training_resumes_to_the_same_weights(seq2seq_base, method, kind, tmp_path):
    settings = {"num_train_epochs": 3, "train": {"num_evaluations": 3, "base_weights": kind}}
    if method == "adalora":
        settings |= {"init_r": 4, "target_r": 2, "deltaT": 1, "tinit": 0.2, "tfinal": 0.2}
    whole = tiny.trainer(seq2seq_base, tmp_path / "whole", method, **settings)
    whole.train()
    tiny.interrupt_after(tiny.trainer(seq2seq_base, tmp_path / "killed", method, **settings), 3)
    resumed = tiny.trainer(seq2seq_base, tmp_path / "killed", method, **settings)
    assert resumed.checkpoints.newest().name == "step-2"
    resumed.train()
    one, other = (trained_parameters(trainer.model.network) for trainer in (whole, resumed))
    assert one and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_saved_alone_and_used_on_the_base_in_fp32(base, architecture, kind, tmp_path):
    model = adapted(base, architecture, "lora", kind)
    with torch.no_grad():
        for value in trained_parameters(model.network).values():
            value.add_(0.05 * torch.randn_like(value))
    save_tuned(model, tmp_path / "tuned")
    assert sorted(one.name for one in (tmp_path / "tuned").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    loaded = load_tuned(base, tmp_path / "tuned", architecture, None, merge=False)
    plain = tiny.adapt(tiny.load(base, architecture), "lora")
    plain.network.load_state_dict(
        {name: value.detach() for name, value in trained_parameters(model.network).items()}, strict=False
    )
    assert same(logits_of(plain), logits_of(loaded))
    assert {value.dtype for value in loaded.network.parameters()} == {torch.float32}


def test_without_the_package_a_line_says_how_to_get_it(tmp_path, monkeypatch):
    (tmp_path / "bitsandbytes.py").write_text("raise ImportError('No module named bitsandbytes')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "bitsandbytes")
    with pytest.raises(InputError, match=r"'4bit' needs bitsandbytes .*: pip install .*\.\[quantized\]"):
        import_bitsandbytes(tiny.train_params(base_weights="4bit"))
    import_bitsandbytes(tiny.train_params())


@pytest.mark.slow
def test_other_stages_do_not_import_it():
    code = (
        "from pipeline.core.cli import prepare_process; prepare_process(); import sys; "
        "from pipeline.models.resource_monitor import import_libraries; import_libraries(); "
        "assert sys.modules['bitsandbytes'] is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
