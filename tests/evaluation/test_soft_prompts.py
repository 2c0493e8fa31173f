"""What is said of a soft prompt: its verdict by losses, whether its nearest tokens are chance, what two seeds share."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.evaluation.soft_prompt_shapes import SoftPrompts
from pipeline.evaluation.soft_prompts import soft_prompts
from tests.systems import settings

EXAMPLES = 24
LABELS = [10 + number % 5 for number in range(EXAMPLES)]
USUAL = {"low": 0.2, "median": 0.3, "high": 0.5}
VOCABULARY = {"tokens": 500, "norm": USUAL, "cosine": USUAL, "random": {"low": 0.2, "median": 0.25, "high": 0.3}}


def nats(loss: float, noise: float = 0.02) -> list[float]:
    """The nats of every example, for a loss per token that differs a little between examples."""
    rng = np.random.default_rng(round(1000 * loss))
    return [float(count * (loss + noise * rng.normal())) for count in LABELS]


def token(number: int, cosine: float = 0.4, **changes) -> dict:
    vector = np.eye(8)[number % 8].tolist()
    return {
        "token": number + 1,
        "words": [f"▁word{number}", "▁other"],
        "cosines": [cosine, 0.1],
        "by_l2": "▁other",
        "l2": 1.5,
        "by_dot": f"▁word{number}",
        "norm": 2.0,
        "nearer_than": 0.7,
        "initial": "▁word3",
        "drift": 0.5,
        "moved": 1.0,
        "cluster": number + 1,
        "importance": 0.1,
        "vector": vector,
    } | changes


def write_prompt(paths: Paths, run: str, losses: dict[str, list[float]], tokens: list[dict] | None = None) -> None:
    tokens = tokens or [token(number) for number in range(8)]
    record = {"virtual_tokens": len(tokens), "vocabulary": VOCABULARY, "labels": LABELS, "nats": losses}
    files.write_json(paths.soft_prompt_run(run), record | {"neutralized_examples": 5})
    files.write_parquet(paths.soft_prompt_tokens(run), tokens)


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths(tmp_path)


def read(paths: Paths, *runs: str) -> dict:
    found = soft_prompts(list(runs), paths, settings())
    TypeAdapter(SoftPrompts).validate_python(found, strict=True)
    return found


@pytest.mark.parametrize(
    ("snapped", "verdict", "said"),
    [
        (2.0, "words", "The words mean what the prompt does: alone, the nearest tokens keep 100 % ["),
        (3.5, "part", "The words mean a part of what the prompt does: alone, the nearest tokens keep 50 % ["),
        (4.9, "wayward", "The words mean nothing: alone, the nearest tokens keep 3 % ["),
        (6.0, "wayward", "The words mean nothing: alone, the nearest tokens keep nothing (-34 % ["),
    ],
)
def test_words_mean_what_they_keep_of_the_prompts_effect(paths, snapped, verdict, said):
    write_prompt(paths, "prompt_tuning-17", {"trained": nats(2.0), "snapped": nats(snapped), "none": nats(5.0)})
    run = read(paths, "prompt_tuning-17")["runs"]["prompt_tuning-17"]
    assert run["verdict"] == verdict and run["sentence"].startswith(said)
    assert run["losses"]["trained"] == pytest.approx(2, abs=0.02)
    assert run["kept"]["low"] <= run["kept"]["mean"] <= run["kept"]["high"]
    assert run["gain"]["mean"] == pytest.approx(3, abs=0.03)


def test_of_words_that_keep_much_in_some_examples_and_harm_others_nothing_is_shown(paths):
    snapped = [one if number % 2 else other for number, (one, other) in enumerate(zip(nats(2.0), nats(7.5)))]
    write_prompt(paths, "prompt_tuning-17", {"trained": nats(2.0), "snapped": snapped, "none": nats(5.0)})
    run = read(paths, "prompt_tuning-17")["runs"]["prompt_tuning-17"]
    assert run["verdict"] == "unclear" and run["kept"]["low"] < 0 < run["kept"]["high"]
    assert run["sentence"].startswith("It is not shown that the words mean anything: alone, the nearest tokens keep ")


def test_words_of_a_prompt_that_does_nothing_have_nothing_to_say(paths):
    same = nats(5.0, noise=0.5)
    losses = {"trained": same[::-1], "snapped": nats(4.0), "none": same}
    write_prompt(paths, "prompt_tuning-17", losses)
    run = read(paths, "prompt_tuning-17")["runs"]["prompt_tuning-17"]
    assert run["verdict"] == "no gain" and run["kept"] is None
    assert run["sentence"].startswith("The words have nothing to say: the prompt is not shown to lower the loss (")


def test_vectors_no_nearer_than_random_directions_are_like_random(paths):
    losses = {"trained": nats(2.0), "snapped": nats(4.9), "none": nats(5.0)}
    for far, like_random in ((8, True), (7, True), (5, False), (0, False)):
        tokens = [token(number, 0.25 if number < far else 0.4) for number in range(8)]
        write_prompt(paths, "prompt_tuning-17", losses, tokens)
        run = read(paths, "prompt_tuning-17")["runs"]["prompt_tuning-17"]
        assert (run["beyond_random"], run["like_random"]) == (8 - far, like_random)


def test_a_prompt_of_no_tokens_has_not_stayed_at_any(paths):
    losses = {"trained": nats(2.0), "snapped": nats(4.9), "none": nats(5.0)}
    tokens = [token(number, initial=None, drift=None, moved=None) for number in range(8)]
    write_prompt(paths, "p_tuning-17", losses, tokens)
    write_prompt(paths, "prompt_tuning-17", losses | {"initial": nats(4.8)})
    runs = read(paths, "prompt_tuning-17", "p_tuning-17")["runs"]
    assert "; the tokens that it began as keep 7 %." in runs["prompt_tuning-17"]["sentence"]
    assert "began" not in runs["p_tuning-17"]["sentence"]
    assert runs["p_tuning-17"]["unmoved"] is None and "initial" not in runs["p_tuning-17"]["losses"]
    assert runs["prompt_tuning-17"]["unmoved"] == 1  # ▁word3


def test_two_seeds_share_words_and_directions_and_methods_are_not_compared(paths):
    losses = {"trained": nats(2.0), "snapped": nats(4.9), "none": nats(5.0)}
    write_prompt(paths, "prompt_tuning-17", losses)
    turned = [token(number) for number in (3, 2, 1)] + [token(20, vector=[0.0] * 7 + [-1.0])]
    write_prompt(paths, "prompt_tuning-18", losses, turned)
    write_prompt(paths, "p_tuning-17", losses)
    (pair,) = read(paths, "prompt_tuning-17", "prompt_tuning-18", "p_tuning-17")["shared"]
    assert (pair["first"], pair["second"]) == ("prompt_tuning-17", "prompt_tuning-18")
    assert pair["words"] == ["▁word1", "▁word2", "▁word3"] and pair["begun_with"] == 1
    assert pair["cosine"] == pytest.approx(((3 / 8) + (3 / 4)) / 2)
    assert 0 < pair["random"] < 0.7


def test_prompts_that_were_read_with_other_examples_are_refused(paths):
    losses = {"trained": nats(2.0), "snapped": nats(4.9), "none": nats(5.0)}
    write_prompt(paths, "prompt_tuning-17", losses)
    write_prompt(paths, "prompt_tuning-18", losses)
    record = files.read_json(paths.soft_prompt_run("prompt_tuning-18"))
    files.write_json(paths.soft_prompt_run("prompt_tuning-18"), record | {"labels": LABELS[::-1]})
    with pytest.raises(
        InputError, match=r"prompt_tuning-17 and prompt_tuning-18 .*different examples: run `dvc repro`"
    ):
        read(paths, "prompt_tuning-17", "prompt_tuning-18")


@pytest.mark.parametrize("losses", [{"trained": nats(2.0)}, {"trained": [1.0], "snapped": [1.0], "none": [1.0]}])
def test_a_record_that_lacks_losses_is_refused(paths, losses):
    write_prompt(paths, "prompt_tuning-17", losses)
    with pytest.raises(InputError, match=r"`dvc repro -f -s soft_prompt@prompt_tuning-17`"):
        read(paths, "prompt_tuning-17")
