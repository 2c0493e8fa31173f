"""Masks of dropout: another draw of the same chance, from the seed, and torch's own again afterwards."""

import pytest
import torch
from torch.nn.functional import dropout, scaled_dot_product_attention

from pipeline.training.dropout_masks import quick_dropout_masks

ONES = torch.ones(1000, 400)


def test_torchs_own_masks_are_back_afterwards():
    torch.manual_seed(1)
    own = dropout(ONES, 0.1)
    torch.manual_seed(1)
    with quick_dropout_masks():
        assert not dropout(ONES, 0.1).equal(own)
    torch.manual_seed(1)
    assert dropout(ONES, 0.1).equal(own)


def test_an_error_inside_takes_them_back_too():
    with pytest.raises(ValueError), quick_dropout_masks():
        raise ValueError
    test_torchs_own_masks_are_back_afterwards()


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
@quick_dropout_masks()
def test_the_chance_is_that_of_torch_and_what_is_kept_makes_up_for_it(p):
    torch.manual_seed(17)
    found = dropout(ONES, p)
    dropped = (found == 0).double()
    spread = (p * (1 - p)) ** 0.5
    assert dropped.mean().item() == pytest.approx(p, abs=4 * spread / ONES.numel() ** 0.5)
    assert found.max().item() == pytest.approx(1 / (1 - p))
    assert ((found == 0) | (found == found.max())).all()
    flat = (dropped.flatten() - p) / spread
    for apart in (1, 2, 3, 4, 400):  # neighbours, which share a random number, are as independent as others
        assert abs((flat[apart:] * flat[:-apart]).mean().item()) < 4.5 / len(flat) ** 0.5


@quick_dropout_masks()
def test_a_seed_gives_the_same_masks_and_every_call_other_ones():
    torch.manual_seed(17)
    first, second = dropout(ONES, 0.1), dropout(ONES, 0.1)
    assert not first.equal(second)
    state = torch.get_rng_state()
    third = dropout(ONES, 0.1)
    torch.manual_seed(17)
    assert dropout(ONES, 0.1).equal(first)
    torch.set_rng_state(state)
    assert dropout(ONES, 0.1).equal(third)


@quick_dropout_masks()
def test_attention_draws_so_too():
    torch.manual_seed(17)
    query, values = torch.zeros(1, 1, 200, 8), torch.eye(200)[None, None]
    weights = scaled_dot_product_attention(query, query, values, dropout_p=0.25)
    assert (weights == 0).double().mean().item() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool])
@quick_dropout_masks()
def test_any_tensor_is_filled(dtype):
    for values in (torch.empty(0), torch.empty(1), torch.empty(7, 3).t(), torch.empty(2, 3, 5)[:, 1:]):
        filled = values.to(dtype)
        assert filled.bernoulli_(0.5) is filled
        assert filled.shape == values.shape and ((filled == 0) | (filled == 1)).all()
        assert (filled.bernoulli_(1.0) == 1).all() and (filled.bernoulli_(0.0) == 0).all()
