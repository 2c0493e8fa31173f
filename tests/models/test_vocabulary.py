"""The tokens of a vocabulary by name: words, special ones, and rows that are no token."""

import pytest
from tokenizers import Tokenizer
from tokenizers import models as cores
from transformers import PreTrainedTokenizerFast

from pipeline.models.tokenizer import load_tokenizer
from pipeline.models.vocabulary import TokenNames
from tests import tiny


def named(tokenizer, token: int) -> str:
    return TokenNames(tokenizer).name(token)


def of_pieces(*pieces: str):
    """A tokenizer of whole words."""
    core = Tokenizer(cores.WordLevel({piece: number for number, piece in enumerate(pieces)}, unk_token=pieces[0]))
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token=pieces[0])


def test_a_token_that_begins_a_word_has_a_mark_and_one_inside_has_none():
    sentencepiece = load_tokenizer(tiny.ROOT / "models/tiny_t5")
    ids = sentencepiece("The agent apologizes.", add_special_tokens=False)["input_ids"]
    assert "".join(named(sentencepiece, token) for token in ids) == "▁The▁agent▁apologizes."
    bytes_ = tiny.tokenizer(tiny.texts(), "seq2seq", 600)
    ids = bytes_("a call to the agent", add_special_tokens=False)["input_ids"]
    assert "".join(named(bytes_, token) for token in ids) == "a▁call▁to▁the▁agent"


def test_special_and_unused_tokens_are_named_as_such(base, architecture):
    tokenizer = load_tokenizer(base)
    assert named(tokenizer, tokenizer.eos_token_id) == f"{tokenizer.eos_token} (special)"
    assert named(tokenizer, len(tokenizer)) == f"row {len(tokenizer)} (unused)"
    ordinary = [token for token in range(len(tokenizer) + 3) if TokenNames(tokenizer).is_ordinary(token)]
    texts = [token for token in range(len(tokenizer)) if not tokenizer.convert_ids_to_tokens(token).startswith("<")]
    assert [token for token in texts if token not in ordinary] == []
    assert len(ordinary) == len(tokenizer) - {"seq2seq": 2, "causal": 3}[architecture]


@pytest.mark.parametrize(
    "piece", ["[unused7]", "<unused42>", "<|reserved_special_token_3|>", "madeupword0001", "<dummy00001>"]
)
def test_a_token_that_a_name_keeps_free_is_unused(piece):
    tokenizer = of_pieces("[UNK]", piece, "unused", "reserved")
    assert named(tokenizer, 1) == f"{piece} (unused)"
    assert [named(tokenizer, token) for token in (2, 3)] == ["unused", "reserved"]  # words


def test_what_cannot_be_seen_is_an_escape_and_a_part_of_a_letter_stays():
    tokenizer = of_pieces("[UNK]", "\n", "\u200d", "Ã¼", "ü")
    assert [named(tokenizer, token) for token in range(1, 5)] == ["\\n", "\\u200d", "Ã¼", "ü"]
    bytes_ = tiny.tokenizer(tiny.texts(), "causal", 600)
    half = bytes_.convert_tokens_to_ids("Ã")  # the first byte of ü
    assert named(bytes_, half) == "Ã"
    assert named(bytes_, bytes_.convert_tokens_to_ids("Ċ")) == "\\n"
