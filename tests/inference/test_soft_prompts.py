"""The vectors of a soft prompt beside the text's, and losses with other vectors in their place."""

import numpy as np
import pytest
import torch

from pipeline.inference import soft_prompts
from pipeline.inference.likelihood import label_log_likelihoods
from pipeline.models.tuned import load_tuned, save_tuned
from tests import tiny, zoo

BATCH = 3


def losses(model, vectors) -> list[float]:
    return [nats for nats, _ in soft_prompts.nats_with(model, vectors, tiny.examples(model), BATCH, "read")]


@pytest.mark.parametrize("method", ["prompt_tuning", pytest.param("p_tuning", marks=pytest.mark.slow)])
def test_its_own_vectors_are_read_as_the_prompt_is_and_others_are_read_instead(base, architecture, method, tmp_path):
    save_tuned(tiny.adapted(method, base, architecture), tmp_path / "tuned")
    model = load_tuned(base, tmp_path / "tuned", architecture, None, merge=False)
    vectors = soft_prompts.prompt_vectors(model)
    assert vectors.shape == (20, model.base_network.config.hidden_size)
    own = [-total for total, _ in label_log_likelihoods(model, tiny.examples(model), BATCH)]
    assert losses(model, vectors) == own
    others = losses(model, np.roll(vectors, 1, axis=1))
    assert all(abs(other - one) > 1e-3 for one, other in zip(own, others))
    assert losses(model, vectors) == own  # and after that its own again
    assert (soft_prompts.prompt_vectors(model) == vectors).all()


def test_without_a_prompt_it_is_the_base(base, architecture):
    model, plain = tiny.adapted("prompt_tuning", base, architecture), tiny.load(base, architecture)
    examples = tiny.examples(model)
    expected = [(-total, count) for total, count in label_log_likelihoods(plain, examples, BATCH)]
    assert soft_prompts.nats_without(model, examples, BATCH, "read") == expected
    assert [nats for nats, _ in expected] != losses(model, soft_prompts.prompt_vectors(model))


def test_a_prompt_of_tokens_is_the_text_with_these_tokens(causal_base):
    """Of a causal model, whose soft prompt is a part of its text: the real tokens give the same loss."""
    model = tiny.adapted("prompt_tuning", causal_base, "causal", num_virtual_tokens=3)
    ids = np.array([40, 50, 60])
    examples = tiny.examples(model)
    longer = [
        {"input_ids": [*ids.tolist(), *one["input_ids"]], "labels": [-100] * 3 + one["labels"]} for one in examples
    ]
    expected = [nats for nats, _ in soft_prompts.nats_without(model, longer, BATCH, "read")]
    assert losses(model, soft_prompts.embeddings_of(model, ids)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["pegasus", "m2m100", "gemma2", "opt"])
def test_tokens_are_embedded_as_the_network_reads_them(family, tmp_path):
    """Pegasus scales its embeddings after looking them up, M2M100 and Gemma where they are looked up."""
    folder, architecture = zoo.make(family, tmp_path / "base"), zoo.architecture(family)
    model = tiny.adapt(tiny.load(folder, architecture), "prompt_tuning", num_virtual_tokens=4)
    ids = np.array([7, 8, 9, 7])
    assert soft_prompts.embedding_count(model) == model.base_network.config.vocab_size
    vectors = torch.tensor(soft_prompts.embeddings_of(model, ids))[None]
    text = torch.arange(3, 11)[None]
    decoder = {"decoder_input_ids": text[:, :2]} if architecture == "seq2seq" else {}
    with torch.no_grad():
        expected = model.base_network(input_ids=torch.cat([torch.tensor(ids)[None], text], dim=1), **decoder).logits
        with soft_prompts.reading(model.network, vectors[0].numpy()):
            found = model.network(input_ids=text, attention_mask=torch.ones_like(text), **decoder).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
