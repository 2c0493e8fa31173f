import pytest
import torch

from pipeline.training.optimizer import make_optimizer, make_schedule
from tests import tiny


@pytest.mark.parametrize("optim", ["adamw_torch_fused", "adafactor"])
@pytest.mark.parametrize("kind", ["seq2seq", "bart"])
def test_weight_decay_spares_biases_and_norms_alone(request, kind, optim):
    network = tiny.load(request.getfixturevalue(f"{kind}_base"), "seq2seq").network
    optimizer = make_optimizer(network, tiny.method_params("full", optim=optim, weight_decay=0.1))
    decay = {id(value): group["weight_decay"] for group in optimizer.param_groups for value in group["params"]}
    for name, value in network.named_parameters():
        assert decay[id(value)] == (0.0 if "bias" in name or "norm" in name else 0.1), name


def test_frozen_parameters_are_not_optimized(seq2seq_base):
    network = tiny.adapt(tiny.load(seq2seq_base, "seq2seq"), "lora").network
    optimizer = make_optimizer(network, tiny.method_params("lora"))
    optimized = {id(value) for group in optimizer.param_groups for value in group["params"]}
    assert optimized == {id(value) for value in network.parameters() if value.requires_grad}


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant", "constant_with_warmup"])
@pytest.mark.parametrize("warmup", [0, 0.2, 3])
def test_a_schedule_that_continues_has_the_rates_of_one_that_did_not_stop(kind, warmup):
    params = tiny.method_params("full", lr_scheduler_type=kind, warmup_steps=warmup, learning_rate=0.5)

    def rates(done, until):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=params.learning_rate)
        schedule, seen = make_schedule(optimizer, params, 10, done), []
        for _ in range(done, until):
            seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return seen

    whole = rates(0, 10)
    assert whole[4:] == rates(4, 10)
    assert len(whole) == 10 and max(whole) == 0.5
    if warmup and kind != "constant":
        assert whole[0] == 0 and whole[1] < whole[2]
