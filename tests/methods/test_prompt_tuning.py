import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.methods import prompt_tuning
from tests import tiny


@pytest.mark.parametrize("init", ["text", "vocabulary"])
def test_a_soft_prompt_begins_as_embeddings_of_real_tokens(base, architecture, init):
    model = tiny.load(base, architecture)
    embeddings = model.network.get_input_embeddings().weight.detach().clone()
    soft = tiny.adapt(model, "prompt_tuning", init=init).network.get_prompt(1)[0]
    params = tiny.method_params("prompt_tuning", init=init)
    tokens = prompt_tuning.initial_tokens(model.tokenizer, params, len(embeddings), 1)
    torch.testing.assert_close(soft, embeddings[torch.tensor(tokens)])
    assert not set(tokens) & set(model.tokenizer.all_special_ids)


def test_a_text_is_repeated_until_the_prompt_is_full(causal_base):
    tokenizer = tiny.load(causal_base, "causal").tokenizer
    params = tiny.method_params("prompt_tuning", init="text", init_text="Sum up.", num_virtual_tokens=20)
    ids = tokenizer("Sum up.", add_special_tokens=False)["input_ids"]
    assert prompt_tuning.initial_tokens(tokenizer, params, len(tokenizer), 1) == (ids * 20)[:20]


def test_an_empty_text_to_begin_with_is_refused(causal_base):
    with pytest.raises(InputError, match=r"prompt_tuning\.init_text: empty"):
        tiny.adapt(tiny.load(causal_base, "causal"), "prompt_tuning", init="text", init_text="")
