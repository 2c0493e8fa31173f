"""The interface that all architectures share, on a tiny T5, a tiny Llama and a tiny BART with random weights."""

import pytest
import torch
from transformers import AutoConfig, GenerationConfig

from pipeline.core.errors import InputError
from pipeline.models import architectures
from pipeline.models.architectures.base import IGNORED
from tests import tiny

TEXTS = [("A: Hi.", "They greet."), ("A: Where is my parcel?\nB: It comes on Friday.", "Late."), ("B: No.", "No")]
SOFT = {"num_virtual_tokens": 5, "init": "vocabulary"}


@pytest.fixture(params=["base", "soft prompt"])
def model(base, architecture, request):
    """A base, and a base with a soft prompt before its input."""
    loaded = tiny.load(base, architecture)
    return tiny.adapt(loaded, "prompt_tuning", **SOFT) if request.param == "soft prompt" else loaded


@pytest.fixture
def plain_model(base, architecture):
    return tiny.load(base, architecture)


def examples(model):
    made = []
    for prompt, text in TEXTS:
        source = model.tokenizer(prompt, add_special_tokens=model.reads_end_of_prompt)["input_ids"]
        target = model.tokenizer(text, add_special_tokens=False)["input_ids"]
        made.append(model.encode_example(source, target, model.tokenizer.eos_token_id))
    return made


def test_an_unknown_architecture_is_refused_with_those_that_exist():
    with pytest.raises(InputError, match=r"model\.architecture: 'rnn': unknown; there are causal, seq2seq"):
        architectures.find("rnn")


def test_exactly_one_architecture_matches_a_model(base, architecture):
    config = AutoConfig.from_pretrained(base)
    assert [name for name in architectures.names() if architectures.find(name).matches(config)] == [architecture]


def test_the_loss_of_a_padded_batch_is_that_of_its_examples_one_by_one(model):
    rows = examples(model)
    together, labels = model.loss(model.collate(rows))
    single = [model.loss(model.collate([row])) for row in rows]
    assert [count.item() for _, count in single] == [sum(i != IGNORED for i in row["labels"]) for row in rows]
    assert labels == sum(count for _, count in single)
    torch.testing.assert_close(together, sum(total for total, _ in single), rtol=1e-5, atol=1e-4)


def test_log_likelihoods_are_the_losses_of_the_rows(model):
    rows = examples(model)
    sums, counts = model.log_likelihoods(model.collate(rows))
    single = [model.loss(model.collate([row])) for row in rows]
    torch.testing.assert_close(-sums, torch.stack([total for total, _ in single]), rtol=1e-5, atol=1e-4)
    assert counts.tolist() == [count for _, count in single]


def test_the_loss_is_the_models_own(model):
    batch = model.collate(examples(model))
    total, labels = model.loss(batch)
    torch.testing.assert_close(total / labels, model.network(**batch).loss, rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_the_models_own_loss(plain_model):
    batch = plain_model.collate(examples(plain_model))
    weight = plain_model.network.get_input_embeddings().weight
    total, labels = plain_model.loss(batch)
    (ours,) = torch.autograd.grad(total / labels, weight)
    (theirs,) = torch.autograd.grad(plain_model.network(**batch).loss, weight)
    assert theirs.abs().max() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_pads_are_outside_the_labels_and_the_attention_mask(plain_model):
    rows = examples(plain_model)
    batch = plain_model.collate(rows)
    for number, row in enumerate(rows):
        for key in ("input_ids", "labels"):
            assert batch[key][number, : len(row[key])].tolist() == row[key]
        assert batch["attention_mask"][number].sum() == len(row["input_ids"])
        assert batch["attention_mask"][number, : len(row["input_ids"])].all()
        assert set(batch["labels"][number, len(row["labels"]) :].tolist()) <= {IGNORED}
    assert (batch["attention_mask"] == 0).any()


def test_the_end_label_survives_padding_with_the_end_token(causal_base):
    model = tiny.load(causal_base, "causal")
    end = model.tokenizer.eos_token_id
    assert model.tokenizer.pad_token_id == end
    batch = model.collate(examples(model))
    assert (batch["labels"] == end).sum(1).tolist() == [1, 1, 1]
    assert ((batch["labels"] == end) & (batch["attention_mask"] == 1)).sum(1).tolist() == [1, 1, 1]


def test_a_causal_prompt_is_no_label_and_a_seq2seq_prompt_is_all_input():
    causal, seq2seq = (architectures.find(name)(None, None) for name in ("causal", "seq2seq"))
    assert causal.encode_example([5, 6], [7], 1) == {"input_ids": [5, 6, 7, 1], "labels": [-100, -100, 7, 1]}
    assert seq2seq.encode_example([5, 6, 1], [7], 1) == {"input_ids": [5, 6, 1], "labels": [7, 1]}


def test_tokens_are_counted_that_the_model_computes_over(architecture):
    model = architectures.find(architecture)(None, None)
    assert model.count_tokens(model.encode_example([5, 6, 7], [8], 1)) == 5


def test_the_tokens_of_a_batch_are_those_of_its_examples_without_padding(plain_model):
    rows = examples(plain_model)
    assert plain_model.count_batch_tokens(plain_model.collate(rows)) == sum(map(plain_model.count_tokens, rows))


def test_generating_gives_the_new_tokens_alone(plain_model, architecture):
    tokenizer = plain_model.tokenizer
    tokenizer.padding_side = plain_model.prompt_padding_side
    batch = tokenizer([prompt for prompt, _ in TEXTS], padding=True, return_tensors="pt")
    config = GenerationConfig(max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0, eos_token_id=1)
    assert plain_model.generate(batch, config).shape == (3, 3)
    if architecture == "causal":
        assert batch["attention_mask"][:, -1].all()  # no pads between a prompt and what follows it


@pytest.mark.parametrize("kind", ["seq2seq_base", "bart_base"])
def test_beams_that_share_their_cross_attention_write_what_copied_ones_do(request, kind):
    model = tiny.load(request.getfixturevalue(kind), "seq2seq")
    batch = model.tokenizer([prompt for prompt, _ in TEXTS], padding=True, return_tensors="pt")
    config = GenerationConfig(
        num_beams=4,
        max_new_tokens=12,
        length_penalty=2.0,
        no_repeat_ngram_size=2,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    shared = model.generate(batch, config)
    assert shared.tolist() == model.network.generate(**batch, generation_config=config)[:, 1:].tolist()
    assert len(set(shared[1].tolist())) > 2


def test_the_cache_has_the_shape_of_the_decoders_own_attention(plain_model, architecture):
    """The tiny T5 has four heads of 8; the tiny Llama has two heads of keys and values."""
    assert plain_model.cache_shape() == {"seq2seq": (2, 4, 8), "causal": (2, 2, 8)}[architecture]
