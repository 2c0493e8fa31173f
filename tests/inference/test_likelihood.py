"""How likely a model finds a text, against logits that the test adds up by hand."""

import pytest
import torch
from tokenizers import processors

from pipeline import convert
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.inference.likelihood import (
    answer_example,
    choice_log_likelihoods,
    confidence,
    label_log_likelihoods,
    output_log_likelihoods,
    text_example,
)
from pipeline.models.architectures.base import IGNORED
from pipeline.models.prompts import tokenize_instruction
from tests import tiny, zoo


@pytest.fixture(params=["seq2seq", "causal", "causal with a start token"])
def model(request):
    architecture = request.param.split()[0]
    loaded = tiny.load(request.getfixturevalue(f"{architecture}_base"), architecture)
    if "start" in request.param:
        start = loaded.tokenizer.convert_tokens_to_ids("<|im_start|>")
        loaded.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
        )
        assert loaded.tokenizer("a")["input_ids"][0] == start
    return loaded


def plain_ids(model, text):
    return model.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def by_hand(model, prompt, text):
    """The log-probability of a text after a prompt, both ids."""
    network = model.network
    if network.config.is_encoder_decoder:
        shifted = torch.tensor([[network.config.decoder_start_token_id, *text[:-1]]])
        logits = network(input_ids=torch.tensor([prompt]), decoder_input_ids=shifted).logits[0]
    else:
        logits = network(input_ids=torch.tensor([[*prompt, *text]])).logits[0, len(prompt) - 1 : -1]
    return sum(logits.log_softmax(-1)[at, token].item() for at, token in enumerate(text))


def test_choices_of_all_questions_in_batches_are_as_likely_as_each_alone(model):
    questions = ["Who?", "What is the number of the order that the customer gives?", "Is the customer happy?"]
    choices = [["Ben", "the kind agent"], ["1", "12", "123"], ["yes", "no, not at all"]]
    prompts = [tokenize_instruction(question, model) for question in questions]
    expected = [
        [by_hand(model, prompt, plain_ids(model, model.separator + choice)) for choice in of_question]
        for prompt, of_question in zip(prompts, choices)
    ]
    for batch_size in (1, 3, 64):
        found = choice_log_likelihoods(model, prompts, choices, batch_size, "choose")
        assert found == [pytest.approx(totals, rel=1e-4) for totals in expected]


def test_the_loss_of_a_text_is_that_of_its_second_half(model):
    texts = ["A: Where is my parcel?\nB: It comes on Friday.", "B: It is late.", "Who? </s> <|im_end|>"]
    examples = [text_example({"text": text}, model, 512) for text in texts]
    for text, measured in zip(texts, label_log_likelihoods(model, examples, 2)):
        ids = plain_ids(model, text)
        first, second = ids[: len(ids) // 2], ids[len(ids) // 2 :]
        whole = model.tokenizer(text, split_special_tokens=True)["input_ids"]
        start = whole[: whole.index(ids[0])]
        end = [model.tokenizer.eos_token_id] * model.network.config.is_encoder_decoder
        assert measured == (pytest.approx(by_hand(model, [*start, *first, *end], second), rel=1e-4), len(second))


def test_a_long_text_loses_its_end(model):
    example = text_example({"text": "one two three four five six seven"}, model, 6)
    assert sum(label != IGNORED for label in example["labels"]) == 3


def test_the_loss_of_a_text_with_a_prompt_is_that_of_an_answer(model):
    example = text_example({"prompt": "Who calls?", "text": "Ben"}, model, 512)
    answer = plain_ids(model, model.separator + "Ben")
    expected = by_hand(model, model.tokenizer("Who calls?")["input_ids"], answer)
    assert label_log_likelihoods(model, [example], 1) == [(pytest.approx(expected, rel=1e-4), len(answer))]


def test_batches_that_do_not_fit_are_made_smaller(model, monkeypatch):
    texts = [f"{number} parcels are late today." for number in range(5)]  # no two with the same first half
    examples = [text_example({"text": text}, model, 512) for text in texts]
    expected = label_log_likelihoods(model, examples, 5)
    real, sizes = model.network.forward, []

    def small_machine(input_ids, **rest):
        sizes.append(len(input_ids))
        if sizes[-1] > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return real(input_ids=input_ids, **rest)

    monkeypatch.setattr(model.network, "forward", small_machine)
    results = label_log_likelihoods(model, examples, 5)
    assert [count for _, count in results] == [count for _, count in expected]
    assert [total for total, _ in results] == pytest.approx([total for total, _ in expected], rel=1e-4)
    assert sizes == [5, 3, 2, 2, 1]


def test_a_text_of_one_token_has_no_second_half(seq2seq_base):
    with pytest.raises(InputError, match="t:1: 'a' is one token"):
        text_example({"where": "t:1", "text": "a"}, tiny.load(seq2seq_base, "seq2seq"), 512)


ANSWERS = ["Ben", "the kind agent", "a parcel"]


def check_shared_encoding(model):
    """Rows with the same prompt are as likely as each alone, and the encoder reads a prompt once."""
    prompts = [tokenize_instruction(text, model) for text in ("Who?", "What is the number of the order, please?")]
    examples = [answer_example(prompt, answer, model) for prompt in prompts for answer in ANSWERS]
    batch, rows = model.collate(examples), []
    encoder = model.base_network.get_encoder()
    hook = encoder.register_forward_hook(lambda _, __, output: rows.append(len(output[0])))
    with torch.inference_mode():
        together, _ = model.log_likelihoods(batch)
        hook.remove()
        alone = [model.log_likelihoods(model.collate([example]))[0].item() for example in examples]
    assert rows == [len(prompts)]
    assert together.tolist() == pytest.approx(alone, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("method", [None, "lora", "prompt_tuning", "prefix_tuning"])
def test_the_choices_of_a_question_share_its_encoding(seq2seq_base, method):
    check_shared_encoding(
        tiny.adapted(method, seq2seq_base, "seq2seq") if method else tiny.load(seq2seq_base, "seq2seq")
    )


@pytest.mark.slow
@pytest.mark.parametrize("family", [name for name in zoo.FAMILIES if zoo.architecture(name) == "seq2seq"])
def test_they_do_in_every_family(tmp_path, family):
    convert.run(
        Paths(tmp_path),
        model=tiny.model_params("seq2seq", path=str(zoo.make(family, tmp_path / "source")), hub=None, wheel=None),
    )
    model = tiny.load(Paths(tmp_path).base_model, "seq2seq")
    model.network.eval()
    check_shared_encoding(model)


def test_confidence_is_the_probability_among_the_choices():
    assert confidence([-1.0, -1.0]) == 0.5
    assert confidence([-2.0, -1.0, -5000.0]) == pytest.approx(0.7311, abs=1e-4)
    assert confidence([-3.0]) == 1


def test_an_output_is_as_likely_as_its_tokens_after_its_prompt(model):
    prompts = [tokenize_instruction(text, model) for text in ("Sum up: A: Hi.", "Sum up: it is late.", "Who?")]
    outputs = [[5, 9, 7], [], [8]]
    found = output_log_likelihoods(model, prompts, outputs, 2, "read")
    assert found[1] == 0
    for number in (0, 2):
        assert found[number] == pytest.approx(by_hand(model, prompts[number], outputs[number]), abs=1e-3)
