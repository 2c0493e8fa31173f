"""How the bundled base is made: its mixture, its drills, its tokenizer, and a run cut off half-way."""

import random
import re
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from pretraining import drills, mixture, train
from pretraining.tokenizer import train_tokenizer
from support_calls.dialogues import compose
from support_calls.world import vocabulary

# Words of the references' frames (support_calls/texts/talk.yaml, summary) that no answer may be put in.
SUMMARY_FRAMES = (
    " contacts ",
    " talks to ",
    " tells ",
    " phones ",
    "In the end, ",
    " is happy with this",
    " is not happy",
)


def some_call():
    return compose(random.Random(2), "pretraining")


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(2560, texts=2000, seed=0)


@pytest.mark.parametrize("task", sorted(mixture.TASKS))
def test_every_task_asks_and_answers(task):
    rng = random.Random(task)
    made = [mixture.TASKS[task][0](rng, compose(rng, "pretraining"), 0.5) for _ in range(60)]
    pairs = [pair for pair in made if pair]
    assert len(pairs) > 5
    assert all(source.strip() and target.strip() for source, target in pairs)
    assert len({target for _, target in pairs}) > 1


def test_summarizing_is_not_in_the_mixture():
    rng = random.Random(0)
    for _ in range(3000):
        source, target = mixture.example(rng, 0.5)
        assert not re.search("summar", source + target, flags=re.IGNORECASE)
        assert not any(frame in target for frame in SUMMARY_FRAMES)


def test_an_excerpt_holds_the_answer():
    for seed in range(300):
        call = compose(random.Random(seed), "pretraining")
        if call.facts["number"]:
            assert call.facts["number"] in mixture.excerpt(random.Random(seed), call, "number", whole=0.0)


def test_spans_and_the_rest_make_the_passage_again():
    rng = random.Random(1)
    source, target = mixture.span_corruption(rng, some_call(), 1.0)
    spans = dict(zip(re.findall(r"<extra_id_\d+>", target), re.split(r"<extra_id_\d+>", target)[1:]))
    whole = re.sub(r"<extra_id_\d+>", lambda mark: spans[mark[0]].strip(" "), source)
    assert re.sub(r"\s+", " ", whole) in re.sub(r"\s+", " ", some_call().text())
    assert spans


def test_a_drill_is_answered_from_what_it_shows():
    rng, kinds = random.Random(0), set()
    for _ in range(300):
        source, target = drills.drill(rng, list(range(50, 90)), 1, 8)
        assert source[-1] == target[-1] == 1
        shown, asked = ([piece for piece in ids if piece > 52] for ids in (source[:-1], target[:-1]))  # no marks
        assert any(shown[k : k + len(asked)] == asked for k in range(len(shown) + 1))
        kinds.add(source == target)
    assert kinds == {True, False}


def test_names_are_whole_pieces_and_digits_stand_alone(tokenizer):
    assert [name for name in vocabulary() if len(tokenizer.tokenize(name)) > 1] == []
    assert tokenizer.tokenize("It's 40712.")[-6:] == ["4", "0", "7", "1", "2", "."]


def test_a_call_survives_the_tokenizer_and_needs_no_unknown_piece(tokenizer):
    for seed in range(30):
        text = compose(random.Random(seed), "test").text()
        ids = tokenizer(text).input_ids
        assert ids[-1] == tokenizer.eos_token_id and tokenizer.unk_token_id not in ids
        back = tokenizer.decode(ids, skip_special_tokens=True)
        assert back.replace(" ", "") == text.replace("\n", "").replace(" ", "")
        assert sum(ids.count(tokenizer.convert_tokens_to_ids(f"#Person{k}#:")) for k in (1, 2)) == text.count("\n") + 1


def settings():
    shape = {"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 32, "num_layers": 1, "num_decoder_layers": 1}
    small = {"vocabulary": 400, "tokenizer_examples": 100, "shape": shape, "steps": 6, "batch_tokens": 256}
    return SimpleNamespace(
        **{**vars(train.recipe()), **small, "drill_steps": 2, "checkpoint_steps": 3, "compile": False}
    )


@pytest.mark.slow
def test_a_run_cut_off_ends_with_the_same_weights(tmp_path):
    """Two real workers; the second run stops at a checkpoint, the third goes on from it."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train.pretrain(settings(), whole, whole / "state.pt")
    train.pretrain(settings(), cut, cut / "state.pt", until=5)
    assert not (cut / "model.safetensors").exists()
    train.pretrain(settings(), cut, cut / "state.pt")
    first, second = load_file(whole / "model.safetensors"), load_file(cut / "model.safetensors")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert {tensor.dtype for tensor in first.values()} == {torch.bfloat16}
