"""The pipeline's models as lm-eval asks them: token by token what its own wrapper of transformers models reads."""

import socket

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is an extra: pip install --editable '.[benchmark]'")

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from pipeline.benchmarking.language_model import HarnessModel
from pipeline.core.errors import InputError
from pipeline.parameters.benchmark import Benchmark
from tests import tiny

PAIRS = [
    ("Is the parcel there? Answer:", " yes"),
    ("Is the parcel there? Answer:", " no, it is not"),
    ("", "A text without a context."),
    ("Where is it? ", "In the hall. It has been there since this morning."),
    ("A: Hi, I ordered a lamp two weeks ago.\nB: Let me see. It is late.\nWho is it?", " Sam"),
]
METHODS = [None, "lora", "prompt_tuning"]


def params(**changes) -> Benchmark:
    return tiny.section("benchmark", Benchmark, **changes)


def requests(kind: str, arguments: list[tuple]) -> list[Instance]:
    return [Instance(kind, {}, each, number) for number, each in enumerate(arguments)]


def loaded(method: str | None, base, architecture):
    model = tiny.adapted(method, base, architecture) if method else tiny.load(base, architecture)
    model.network.eval()
    return model


def theirs(model, architecture, **changes) -> HFLM:
    """lm-eval's own wrapper, one request at a time: it pads a batch around a soft prompt."""
    settings = {"backend": architecture, "tokenizer": model.tokenizer, "batch_size": 1, "device": "cpu"}
    return HFLM(pretrained=model.network, **(settings | changes))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Nothing may ask a hub, and lm-eval would swallow the error."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def refuse(*arguments):
        raise AssertionError(f"a connection to {arguments[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("method", METHODS)
def test_likelihoods_are_those_of_lm_evals_own_wrapper(method, base, architecture):
    model = loaded(method, base, architecture)
    found = HarnessModel(model, params(batch_size=3), "x").loglikelihood(requests("loglikelihood", PAIRS))
    expected = theirs(model, architecture).loglikelihood(requests("loglikelihood", PAIRS), disable_tqdm=True)
    assert [total for total, _ in found] == pytest.approx([total for total, _ in expected], abs=1e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]


def test_the_likeliest_continuation_is_told_as_such(base, architecture):
    model = loaded(None, base, architecture)
    harness = HarnessModel(model, params(), "x")
    prompt = harness.tok_encode("Where is it?")
    (ids,) = tiny.answers(model, 1, [prompt], max_new_tokens=3, num_beams=1, no_repeat_ngram_size=0)
    given = (("", ""), prompt, ids)
    other = (("", ""), given[1], [*ids[:-1], (ids[-1] + 1) % 500])
    assert [greedy for _, greedy in harness._loglikelihood_tokens([given, other])] == [True, False]


@pytest.mark.parametrize("method", METHODS)
def test_answers_do_not_depend_on_the_batch_nor_on_lengths_of_the_checkpoint(method, base, architecture):
    """Soft prompts are padded on the right side, and the task's length counts, not that of generation_config."""
    model = loaded(method, base, architecture)
    model.base_network.generation_config.max_new_tokens = 2
    asked = [(text * number, {"until": [], "max_gen_toks": 5}) for number, (text, _) in enumerate(PAIRS, 1) if text]
    together, alone = (
        HarnessModel(model, params(batch_size=size), "x").generate_until(requests("generate_until", asked))
        for size in (4, 1)
    )
    assert together == alone
    lengths = [len(model.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in together]
    assert max(lengths) > 2


def test_an_answer_ends_at_the_first_stop_text_and_a_random_one_is_refused(base, architecture):
    model = loaded(None, base, architecture)
    harness = HarnessModel(model, params(max_new_tokens=8), "x")
    (whole,) = harness.generate_until(requests("generate_until", [("Hi", {"until": []})]))
    stop = whole[2:4]
    (cut,) = harness.generate_until(requests("generate_until", [("Hi", {"until": [stop]})]))
    assert cut == whole.split(stop)[0] and len(cut) < len(whole)
    with pytest.raises(InputError, match="draws its answers at random"):
        harness.generate_until(requests("generate_until", [("Hi", {"do_sample": True, "temperature": 0.7})]))


def test_an_encoder_reads_its_whole_input_whatever_the_answers_length(seq2seq_base):
    """lm-eval counts the input and output of an encoder-decoder against one length, and cuts the input."""
    model = loaded(None, seq2seq_base, "seq2seq")
    long = " ".join(tiny.texts())[:12_000]
    pairs = [(long, " yes"), (long[-4000:], " yes")]
    found = HarnessModel(model, params(), "x").loglikelihood(requests("loglikelihood", pairs))
    expected = theirs(model, "seq2seq", max_length=10**6).loglikelihood(
        requests("loglikelihood", pairs), disable_tqdm=True
    )
    assert [total for total, _ in found] == pytest.approx([total for total, _ in expected], abs=1e-4)
    assert found[0][0] != pytest.approx(found[1][0], abs=1e-6)


def test_a_causal_prompt_that_is_too_long_loses_its_beginning(causal_base):
    model = loaded("prompt_tuning", causal_base, "causal")
    harness = HarnessModel(model, params(), "x")
    most = model.base_network.config.max_position_embeddings
    long = " ".join(tiny.texts())
    ids = harness.tok_encode(long)
    assert len(ids) > most
    kept = harness._fitting(ids, 4)
    assert kept == ids[-len(kept) :] and len(kept) == most - 4 - 20  # soft tokens
    ((total, _),) = harness.loglikelihood(requests("loglikelihood", [(long, " yes")]))
    assert total < 0


def test_how_likely_whole_texts_are_is_refused(causal_base):
    harness = HarnessModel(loaded(None, causal_base, "causal"), params(), "x")
    with pytest.raises(InputError, match="how likely whole texts are"):
        harness.loglikelihood_rolling(requests("loglikelihood_rolling", [("A text.",)]))


def test_a_chat_model_is_asked_in_its_turns_and_goes_on_with_an_answer_that_is_begun(causal_base):
    model = tiny.load(causal_base, "causal", tiny.CHAT_SETTINGS)
    harness = HarnessModel(model, params(), "x")
    asked = [{"role": "user", "content": "Which?"}]
    opened = harness.apply_chat_template(asked)
    assert opened.endswith("<|im_start|>assistant\n") and "Which?" in opened
    begun = [*asked, {"role": "assistant", "content": "The answer is"}]
    assert harness.apply_chat_template(begun, add_generation_prompt=False) == f"{opened}The answer is"
    assert model.tokenizer.convert_tokens_to_ids("<|im_start|>") in harness.tok_encode(opened)
