"""CTranslate2 computes what transformers computes, also where its converter needs help."""

import sys
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertLMHeadModel, T5ForConditionalGeneration

from pipeline.core.errors import InputError
from pipeline.exporting.ctranslate2_engine import convert, tokens_by_id
from tests import tiny


def with_own_head(base: Path, folder: Path) -> Path:
    """The base as T5 v1.1 and FLAN-T5 are: an output layer of its own, and no scaling before it."""
    loaded = tiny.load(base, "seq2seq")
    config = loaded.network.config.to_dict() | {"tie_word_embeddings": False, "scale_decoder_outputs": False}
    network = T5ForConditionalGeneration(type(loaded.network.config)(**config))
    torch.manual_seed(3)
    network.lm_head.weight = torch.nn.Parameter(torch.randn_like(network.lm_head.weight))
    network.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["tied", "own head", "biases"])
def test_the_log_probability_of_a_text_is_that_of_transformers(tmp_path, seq2seq_base, bart_base, kind):
    import ctranslate2

    folder = {"tied": seq2seq_base, "biases": bart_base}.get(kind) or with_own_head(seq2seq_base, tmp_path / "own")
    convert(folder, tmp_path / "converted", "float32")
    loaded, vocabulary = tiny.load(folder, "seq2seq"), tokens_by_id(tmp_path / "converted")
    ids = loaded.tokenizer("The order is late.")["input_ids"]
    engine = ctranslate2.Translator(str(tmp_path / "converted"), intra_threads=1)
    options = {"beam_size": 1, "max_decoding_length": 5, "min_decoding_length": 5, "length_penalty": 0}
    (result,) = engine.translate_batch([[vocabulary[token] for token in ids]], return_scores=True, **options)
    written = [vocabulary.index(token) for token in result.hypotheses[0]]
    inputs = {"input_ids": torch.tensor([ids]), "decoder_input_ids": torch.tensor([[0, *written[:-1]]])}
    with torch.no_grad():
        logits = loaded.network(**inputs).logits[0]
    logits[:, 1] = -torch.inf  # no end before the fifth token
    sums = logits.log_softmax(dim=-1)[range(len(written)), written].sum().item()
    assert logits.argmax(dim=-1).tolist() == written
    assert result.scores[0] == pytest.approx(sums, abs=1e-3)


def test_a_class_of_models_that_it_does_not_know_is_refused(tmp_path, causal_base):
    tiny.load(causal_base, "causal").tokenizer.save_pretrained(tmp_path / "model")
    config = BertConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, is_decoder=True)
    config.architectures, network = None, BertLMHeadModel(config)
    network.config.model_type = "bert-generation"
    network.save_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match=r"CTranslate2 does not convert this model: .*; use --to hf"):
        convert(tmp_path / "model", tmp_path / "converted", "float32")


def test_without_the_extra_the_message_says_how_to_install_it(tmp_path, seq2seq_base, monkeypatch):
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(InputError, match=r"ctranslate2 is not installed: pip install .*\[export\]"):
        convert(seq2seq_base, tmp_path / "converted", "float32")
