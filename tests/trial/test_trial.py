"""Models of many families through every default method, and what is refused before anything is trained."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import processors
from transformers import Gemma3Config, Gemma3ForConditionalGeneration, WhisperConfig, WhisperForConditionalGeneration

from pipeline import convert
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.methods import lora, prompt_tuning
from pipeline.models.architectures.causal import naming_embeddings
from pipeline.models.virtual_tokens import embedding_scale
from pipeline.parameters.model import Model
from pipeline.trial import trial
from tests import tiny, zoo

QUICK = ("bart", "gemma2")


def accept(folder: Path, source: Path, architecture: str, **changes) -> Path:
    """Convert a folder and try it with every default method."""
    values = {"path": str(source), "hub": None, "wheel": None, "probe": "always"} | changes
    convert.run(Paths(folder), model=tiny.model_params(architecture, **values))
    return Paths(folder).base_model


def families():
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in zoo.FAMILIES]


@pytest.mark.parametrize("family", families())
def test_a_family_runs_with_every_default_method(tmp_path, family, capsys):
    source = zoo.make(family, tmp_path / "source")
    base = accept(tmp_path, source, zoo.architecture(family))
    assert "tried with zero_shot, few_shot, prompt_tuning, lora, full" in capsys.readouterr().out
    assert {path.name for path in base.parent.iterdir()} == {"base"}  # what was saved for the trial is gone


def test_a_sentencepiece_model_alone_is_tokenizer_enough(tmp_path):
    """As mT5, Pegasus and LongT5 come; later stages read the tokenizer that was made from it."""
    from sentencepiece import SentencePieceTrainer
    from transformers import T5Config, T5ForConditionalGeneration

    (tmp_path / "text.txt").write_text("\n".join(tiny.texts()))
    SentencePieceTrainer.train(
        input=str(tmp_path / "text.txt"),
        model_prefix=str(tmp_path / "spiece"),
        vocab_size=400,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    source = tmp_path / "source"
    T5ForConditionalGeneration(T5Config(vocab_size=512, **zoo.SEQ2SEQ, **zoo.T5)).save_pretrained(source)
    (tmp_path / "spiece.model").rename(source / "spiece.model")
    base = accept(tmp_path, source, "seq2seq")
    tokenizer = tiny.load(base, "seq2seq").tokenizer
    ids = tokenizer("Where is my parcel?")["input_ids"]
    assert (base / "tokenizer.json").exists()
    assert tokenizer.unk_token_id not in ids and ids[-1] == 1
    assert tokenizer.decode(ids, skip_special_tokens=True) == "Where is my parcel?"


def refused(folder, source, architecture, complaint, **changes):
    with pytest.raises(InputError, match=complaint) as refusal:
        accept(folder, source, architecture, **changes)
    assert "\n" not in str(refusal.value)


@pytest.fixture
def source(tmp_path, causal_base):
    return Path(shutil.copytree(causal_base, tmp_path / "source"))


def test_tokens_without_embeddings_are_refused(tmp_path, source):
    tokenizer = tiny.load(source, "causal").tokenizer
    tokenizer.add_tokens(["<new>"])
    tokenizer.save_pretrained(source)
    refused(tmp_path, source, "causal", r"ids up to 512 and its embeddings only 512 rows.*resize_token_embeddings")


def test_a_tokenizer_of_another_language_is_refused(tmp_path, seq2seq_base):
    source = Path(shutil.copytree(seq2seq_base, tmp_path / "source"))
    content = json.loads((source / "tokenizer.json").read_text())
    content["model"] = {
        "type": "WordLevel",
        "vocab": {"<pad>": 0, "</s>": 1, "<unk>": 2, "猫": 3},
        "unk_token": "<unk>",
    }
    content["pre_tokenizer"], content["decoder"] = {"type": "Whitespace"}, None
    (source / "tokenizer.json").write_text(json.dumps(content))
    config = json.loads((source / "tokenizer_config.json").read_text())
    (source / "tokenizer_config.json").write_text(json.dumps(config | {"unk_token": "<unk>"}))
    refused(tmp_path, source, "seq2seq", "its tokenizer knows hardly a word")


def test_an_encoder_is_refused(tmp_path):
    from transformers import BertConfig, BertLMHeadModel

    config = BertConfig(
        vocab_size=512, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    torch.manual_seed(0)
    tiny.tokenizer(tiny.texts(), "causal", 512).save_pretrained(tmp_path / "source")
    BertLMHeadModel(config).save_pretrained(tmp_path / "source")
    refused(tmp_path, tmp_path / "source", "causal", "it reads what comes after a word")


def test_a_model_that_padding_changes_is_refused(tmp_path):
    """ProphetNet's main stream sees the padded labels."""
    values = {"hidden_size": 32, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 512}
    values |= {"num_encoder_layers": 2, "num_decoder_layers": 2, "init_std": 0.3, **zoo.SEQ2SEQ}
    values |= {"num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4}
    source = zoo.make_of("ProphetNetConfig", values, "seq2seq", tmp_path / "source")
    refused(tmp_path, source, "seq2seq", "it reads a text differently in a batch")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("RobertaConfig", {**zoo.LLAMA, "is_decoder": True}),
        ("RwkvConfig", {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32}),
    ],
)
def test_a_model_that_writes_otherwise_than_it_is_trained_is_refused(tmp_path, kind, values):
    """RoBERTa counts positions otherwise than generation does; RWKV reads the padding before a prompt."""
    source = zoo.make_of(kind, {**zoo.CAUSAL, **values}, "causal", tmp_path / "source")
    refused(tmp_path, source, "causal", "it writes other tokens than it is trained to")


def test_a_start_token_without_an_embedding_is_refused(tmp_path):
    source = zoo.make("t5", tmp_path / "source", decoder_start_token_id=9999)
    refused(tmp_path, source, "seq2seq", r"512 rows and its configuration \{'decoder_start_token_id': 9999\}")


def test_soft_prompts_of_a_class_that_takes_no_embeddings_are_refused(tmp_path):
    source = zoo.make_of("OpenAIGPTConfig", {**zoo.CAUSAL, **zoo.GPT2}, "causal", tmp_path / "source")
    refused(tmp_path, source, "causal", "cannot prompt_tuning: .* leave the method out of `methods`")


def test_a_class_that_drops_embeddings_is_refused():
    class Network:
        def prepare_inputs_for_generation(self, input_ids, **kwargs):
            return {"input_ids": input_ids}

    network = Network()
    with naming_embeddings(network), pytest.raises(InputError, match="writes after tokens only, not after embeddings"):
        network.prepare_inputs_for_generation(None, inputs_embeds=1, is_first_iteration=True)


@pytest.mark.parametrize("values", [{}, {"hidden_size": 10**9}])
def test_a_configuration_of_a_much_larger_model_is_refused_at_once(tmp_path, source, values):
    (source / "config.json").write_text(json.dumps({"model_type": "llama", **values}))
    refused(tmp_path, source, "causal", r"describes [\d,]{13,} parameters and its weights have [\d,]+: another model")


def test_soft_prompts_of_a_class_that_hands_embeddings_on_without_naming_them(tmp_path, monkeypatch, capsys):
    """As Gemma 3 with images; the text alone is trained and read."""
    values = tiny._defaults() | {"methods": ["prompt_tuning", "p_tuning"]}
    monkeypatch.setattr(trial, "read_params", lambda: values)
    text = {**zoo.CAUSAL, **zoo.GEMMA, "vocab_size": zoo.VOCABULARY}
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Gemma3Config(
        text_config=text, vision_config=vision | {"image_size": 28, "patch_size": 14}, mm_tokens_per_image=4
    )
    torch.manual_seed(0)
    Gemma3ForConditionalGeneration(config).save_pretrained(tmp_path / "source")
    tiny.tokenizer(tiny.texts(), "causal", zoo.VOCABULARY).save_pretrained(tmp_path / "source")
    accept(tmp_path, tmp_path / "source", "causal")
    assert "tried with prompt_tuning, p_tuning" in capsys.readouterr().out


def test_a_model_of_sound_is_refused(tmp_path):
    sizes = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    source = tmp_path / "source"
    WhisperForConditionalGeneration(WhisperConfig(**sizes, decoder_attention_heads=2)).save_pretrained(source)
    tiny.tokenizer(tiny.texts(), "seq2seq", zoo.VOCABULARY).save_pretrained(source)
    refused(tmp_path, source, "seq2seq", "transformers has no seq2seq language model of its kind")


def test_no_layer_is_skipped_in_training(tmp_path):
    """M2M100's configuration skips layers at random; a step that skips all of them has no gradient."""
    accept(tmp_path, zoo.make("m2m100", tmp_path / "source", encoder_layerdrop=1.0, decoder_layerdrop=1.0), "seq2seq")


def test_a_start_token_that_is_also_padding_is_read_in_training_as_in_writing(tmp_path):
    model = tiny.load(zoo.make("t5gemma", tmp_path), "seq2seq")
    assert "decoder_attention_mask" in model.collate(tiny.examples(model))
    alone, batched = tiny.answers(model, 1), tiny.answers(model, 4)
    assert alone == batched


def test_weights_that_are_not_finite_are_refused(tmp_path, source):
    weights = load_file(source / "model.safetensors")
    weights["model.norm.weight"][3] = float("nan")
    save_file(weights, source / "model.safetensors", metadata={"format": "pt"})
    refused(tmp_path, source, "causal", "its logits are not finite: broken weights")


def test_a_chat_template_that_drops_the_text_is_refused(tmp_path, source):
    (source / "chat_template.jinja").write_text("{% for m in messages %}{{ m['role'] }}{% endfor %}")
    refused(tmp_path, source, "causal", "chat template drops or changes the text", chat=True)


ONE_TURN = "{% if messages | length > 1 %}{{ raise_exception('one turn') }}{% endif %}{{ messages[0]['content'] }}\n"
LAST_TURN = "{{ messages[-1]['content'] }}\n"


@pytest.mark.parametrize("template", [ONE_TURN, LAST_TURN])
def test_a_template_of_one_turn_is_refused_for_worked_examples_alone(tmp_path, source, template, monkeypatch):
    (source / "chat_template.jinja").write_text(template)
    refused(tmp_path, source, "causal", "few_shot: with a conversation of several turns the model's chat te", chat=True)
    monkeypatch.setattr(trial, "read_params", lambda: tiny._defaults() | {"methods": ["zero_shot"]})
    accept(tmp_path, source, "causal", chat=True)


def test_a_template_that_escapes_markup_is_refused(tmp_path, source):
    (source / "chat_template.jinja").write_text("{{ messages[0]['content'] | e }}\n")
    refused(tmp_path, source, "causal", "chat template drops or changes the text", chat=True)


def method(values, name, **changes):
    return {**values, name: {**values[name], **changes}, "methods": [name]}


@pytest.mark.parametrize(
    ("name", "changes", "complaint"),
    [
        (
            "lora",
            {"target_modules": ["q_proj", "wq"]},
            r"lora\.target_modules: this model has no wq; its linear layers",
        ),
        ("lora", {"r": 64}, "lora: rank 64 is above the width of every layer of this model; at most 32"),
        (
            "ia3",
            {"target_modules": ["nothing"], "feedforward_modules": []},
            r"ia3\.target_modules: this model has no n",
        ),
        (
            "prompt_tuning",
            {"num_virtual_tokens": 2040},
            "prompt_tuning: 2040 virtual tokens leave too little of .* 2048",
        ),
        ("adalora", {"init_r": 64, "target_r": 8}, "adalora: rank 64 is above the width"),
        ("lora", {"target_modules": ["embed_tokens", "norm"]}, r"lora\.target_modules: Target module .* not supported"),
    ],
)
def test_a_method_that_does_not_suit_the_model_is_refused(tmp_path, source, monkeypatch, name, changes, complaint):
    values = method(tiny._defaults(), name, **changes)
    monkeypatch.setattr(trial, "read_params", lambda: values)
    refused(tmp_path, source, "causal", complaint)


def test_a_failure_of_transformers_itself_is_one_line(tmp_path, source, monkeypatch):
    def broken(*arguments):
        raise IndexError("index out of range in self\nat some place")

    monkeypatch.setattr(lora, "adapt", broken)
    complaint = r"cannot lora: train, save and read again: IndexError: index out of range in self at some place; choose"
    refused(tmp_path, source, "causal", complaint)


def test_a_large_model_is_tried_only_on_request(tmp_path, source, monkeypatch, capsys):
    monkeypatch.setattr(trial, "LARGEST", 1000)
    monkeypatch.setattr(lora, "adapt", None)
    accept(tmp_path, source, "causal", probe="auto")
    assert "not tried with the methods: model.probe=auto" in capsys.readouterr().out


def test_the_bundled_model_passes_and_is_not_tried_again_by_everyone(tmp_path, capsys):
    for probe in ("always", "auto"):
        convert.run(Paths(tmp_path), model=tiny.section("model", Model, probe=probe))
    tried, not_tried = [line for line in capsys.readouterr().out.splitlines() if "tried with" in line]
    assert tried.startswith("tried with zero_shot") and not_tried.startswith("not tried with the methods")


@pytest.mark.parametrize("family", ["gemma3", "pegasus", "mbart", "llama"])
def test_a_soft_prompt_begins_as_the_network_sees_its_tokens(tmp_path, family):
    """Gemma and mBART scale embeddings when they look them up, Pegasus afterwards, Llama not."""
    architecture = zoo.architecture(family)
    model = tiny.load(zoo.make(family, tmp_path), architecture)
    embeddings = model.network.get_input_embeddings()
    scale = embedding_scale(model.network)
    assert scale == (pytest.approx(32**0.5) if family == "pegasus" else 1)
    params = tiny.method_params("prompt_tuning", num_virtual_tokens=8, init="vocabulary")
    ids = torch.tensor(prompt_tuning.initial_tokens(model.tokenizer, params, embeddings.weight.shape[0], 1))
    expected = scale * embeddings(ids)
    if family in ("gemma3", "mbart"):
        assert torch.allclose(expected, 32**0.5 * embeddings.weight[ids])
    network = tiny.adapt(model, "prompt_tuning", num_virtual_tokens=8, init="vocabulary").network
    assert torch.allclose(network.get_prompt(1)[0], expected)


def test_generation_starts_where_training_does(tmp_path):
    """mBART names no start token: its decoder reads the last label first."""
    model = tiny.load(zoo.make("mbart", tmp_path), "seq2seq")
    batch = model.collate(tiny.examples(model))
    assert (
        set(batch["decoder_input_ids"][:, 0].tolist()) == {model.generation_tokens()["decoder_start_token_id"]} == {1}
    )


def test_a_first_token_of_every_summary_is_forced(seq2seq_base):
    model = tiny.load(seq2seq_base, "seq2seq")
    model.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 7), ("</s>", 1)]
    )
    assert {answer[0] for answer in tiny.answers(model, 4)} == {7}
