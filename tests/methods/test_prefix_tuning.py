import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from pipeline.methods import prefix_tuning
from pipeline.models import architectures
from tests import tiny


@pytest.mark.parametrize("heads", [6, 3])
def test_a_prefix_fits_a_decoder_that_is_not_shaped_as_its_encoder(heads):
    """FLAN-T5-small has six heads of 64 in a model 512 wide; PEFT by itself would take 512 / 6."""
    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "num_heads": heads, "num_layers": 3, "num_decoder_layers": 1, "d_ff": 16}
    config = T5Config(**sizes, vocab_size=50, decoder_start_token_id=0)
    network = T5ForConditionalGeneration(config).eval().requires_grad_(False)
    token = torch.tensor([[5, 6, 1]])
    before = network(input_ids=token, decoder_input_ids=token).logits
    params = tiny.method_params("prefix_tuning", init_weights=None)
    tuned = prefix_tuning.adapt(architectures.find("seq2seq")(network, None), params, 1).eval()
    assert tuned.prompt_encoder["default"].embedding.weight.shape == (20, 2 * heads * 8)
    after = tuned(input_ids=token, decoder_input_ids=token, use_cache=False).logits
    assert after.shape == before.shape
    assert (after - before).abs().max() > 1e-3
