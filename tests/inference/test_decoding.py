"""Text from prompts: what is generated depends on the prompt, the model and params.yaml alone."""

import pytest
import torch

from pipeline.inference.decoding import Answer, configure_decoding, cut_at_end, generate_answers
from pipeline.models.tokenizer import decode
from tests import tiny


def test_a_batch_answers_as_single_prompts_do(base, architecture):
    model = tiny.load(base, architecture)
    single = tiny.answers(model, batch_size=1)
    assert tiny.answers(model, batch_size=5) == single
    assert any(single)


def test_beam_search_batches_like_single_prompts(base, architecture):
    model = tiny.load(base, architecture)
    single = tiny.answers(model, batch_size=1, num_beams=3)
    assert tiny.answers(model, batch_size=5, num_beams=3) == single


@pytest.mark.parametrize("beams", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", tiny.trained_methods("full"))
def test_a_batch_answers_as_single_prompts_do_with_every_adapter(base, architecture, method, beams):
    model = tiny.adapted(method, base, architecture)
    single = tiny.answers(model, 1, num_beams=beams)
    assert tiny.answers(model, 4, num_beams=beams) == single
    assert single != tiny.answers(tiny.load(base, architecture), 4, num_beams=beams)


@pytest.mark.parametrize("method", tiny.trained_methods("full"))
def test_what_is_written_is_what_the_training_loss_finds_likeliest(base, architecture, method):
    """Prompts, positions and what an adapter adds are the same in both."""
    model = tiny.adapted(method, base, architecture)
    inputs, end = tiny.prompts(model), model.tokenizer.eos_token_id
    answers = tiny.answers(model, 4, inputs, no_repeat_ngram_size=0)
    batch = model.collate([model.encode_example(prompt, ids, end) for prompt, ids in zip(inputs, answers)])
    with torch.inference_mode():
        logits, labels = model.labelled_logits(batch)
    likeliest = [int(token) for token, label in zip(logits.argmax(-1), labels.flatten()) if label != -100]
    for ids in answers:
        assert likeliest[: len(ids)] == ids
        likeliest = likeliest[len(ids) + 1 :]  # the token after it, where writing stopped, does not count


def test_a_causal_answer_holds_nothing_of_its_prompt(causal_base):
    model = tiny.load(causal_base, "causal")
    inputs = tiny.prompts(model)
    assert min(map(len, inputs)) < max(map(len, inputs)) and max(map(len, inputs)) > 8
    assert max(map(len, tiny.answers(model, 4, inputs))) <= 8


def test_generation_ends_at_the_end_token_and_at_the_limit(base, architecture):
    model = tiny.load(base, architecture)
    inputs = tiny.prompts(model)[:1]
    first = tiny.answers(model, 4, inputs)[0][0]
    config = configure_decoding(model, tiny.generate_params())
    config.eos_token_id = [first]  # the token that it writes first is the end now
    assert list(generate_answers(model, inputs, config, 4, "fp32")) == [(0, Answer([], True), 4)]
    config.eos_token_id = [model.tokenizer.eos_token_id]
    ((_, answer, _),) = generate_answers(model, inputs, config, 4, "fp32")
    assert answer.ended or len(answer.ids) == 8


def test_an_answer_ends_before_the_first_of_its_end_tokens():
    assert cut_at_end([5, 6, 1, 7, 2], {1, 2}) == Answer([5, 6], True)
    assert cut_at_end([5, 6], {1, 2}) == Answer([5, 6], False)


@pytest.mark.parametrize("method", ["zero_shot", "prompt_tuning", pytest.param("lora", marks=pytest.mark.slow)])
def test_the_search_takes_nothing_from_the_checkpoint(base, architecture, method):
    def model():
        return tiny.load(base, architecture) if method == "zero_shot" else tiny.adapted(method, base, architecture)

    biased = model()
    own = biased.base_network.generation_config
    own.do_sample, own.temperature, own.repetition_penalty, own.min_length = True, 5.0, 9.0, 40
    assert tiny.answers(biased, batch_size=6) == tiny.answers(model(), batch_size=6)


def test_a_chat_model_ends_at_its_turns_end_too(causal_base):
    model = tiny.load(causal_base, "causal")
    inputs = tiny.prompts(model)[:1]
    first = tiny.answers(model, 1, inputs)[0][0]
    other = tiny.load(causal_base, "causal")
    other.network.generation_config.eos_token_id = [first, 2]
    assert tiny.answers(other, 1, inputs) == [[]]


def test_the_text_of_an_answer_has_no_special_tokens_and_no_outer_spaces(base, architecture):
    model = tiny.load(base, architecture)
    ids = model.tokenizer("  Hello there. ", add_special_tokens=False)["input_ids"]
    assert decode([*ids, model.tokenizer.eos_token_id], model, set()) == "Hello there."
