"""Tiny models with random weights, and what tests do with them: real architectures and tokenizers, small and fast."""

import contextlib
import random
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.params import parse_section, read_params
from pipeline.models.chat import Chat
from support_calls.dialogues import compose

ROOT = Path(__file__).parent.parent
QUICK = ("full", "lora", "prompt_tuning")  # the methods that `make check` tries; the others are slow tests

CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


CHAT_SETTINGS = Chat({}, "2026-01-01")


@cache
def texts() -> tuple[str, ...]:
    """Dialogues and summaries, in turns."""
    rng = random.Random(0)
    calls = [compose(rng, "train") for _ in range(240)]
    return tuple(text for call in calls for text in (call.text(), call.references[0]))


def tokenizer(corpus: tuple[str, ...], architecture: str, vocabulary: int) -> Any:
    """A byte-level BPE tokenizer trained on the corpus; digits stand alone, as in T5's and Llama's."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "</s>"] if architecture == "seq2seq" else ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet)
    )
    if architecture == "seq2seq":
        core.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
        return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>")
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<|im_end|>", eos_token="<|im_end|>", chat_template=CHAT
    )


def model(architecture: str, vocabulary: int, width: int, seed: int = 0) -> Any:
    """A T5 v1.1, which has no biases, or a Llama with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

    torch.manual_seed(seed)
    if architecture == "seq2seq":
        config = T5Config(
            vocab_size=vocabulary,
            d_model=width,
            d_kv=width // 4,
            d_ff=2 * width,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
        )
        network = T5ForConditionalGeneration(config)
        with torch.no_grad():  # otherwise the decoder, which starts with the pad token, would only repeat it
            network.shared.weight[config.pad_token_id] = 0
        return network
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        initializer_range=0.3,  # at 0.02 so small a model only repeats its last token
        pad_token_id=2,
        eos_token_id=2,
        bos_token_id=0,
    )
    return LlamaForCausalLM(config)


def make(architecture: str, folder: Path, corpus: tuple[str, ...], vocabulary: int = 512, width: int = 32) -> Path:
    """A model folder as the hub would give it."""
    pieces = tokenizer(corpus, architecture, vocabulary)
    model(architecture, len(pieces), width).save_pretrained(folder)
    pieces.save_pretrained(folder)
    return folder


def make_bart(folder: Path, corpus: tuple[str, ...], vocabulary: int = 512, width: int = 16) -> Path:
    """A folder with a BART, a seq2seq model that has biases."""
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    pieces = tokenizer(corpus, "seq2seq", vocabulary)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(pieces),
        d_model=width,
        encoder_layers=2,
        decoder_layers=2,
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        dropout=0.0,
        init_std=1.0,
        pad_token_id=0,
        bos_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        forced_eos_token_id=None,
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    pieces.save_pretrained(folder)
    return folder


# Settings


@cache
def _defaults() -> dict[str, Any]:
    return read_params(ROOT / "params.yaml")


def section(name: str, kind: type, /, **changes: Any) -> Any:
    """A section of params.yaml with changes, in its type."""
    return parse_section(_defaults()[name] | changes, kind, name)


def method_params(method: str, **changes: Any) -> Any:
    """The section of a method."""
    from pipeline import methods

    return section(method, methods.find(method).Params, **changes)


def model_params(architecture: str, **changes: Any) -> Any:
    from pipeline.parameters.model import Model

    return section("model", Model, **{"architecture": architecture, "chat": False} | changes)


def template_params(**changes: Any) -> Any:
    from pipeline.parameters.template import Template

    return section("template", Template, **changes)


def write_limits(paths: Any, **changes: int) -> None:
    """The limits that `tokenize` would have written."""
    from pipeline.core import files

    files.write_json(paths.limits, {"max_source_tokens": 512, "max_new_tokens": 64} | changes)


def train_params(**changes: Any) -> Any:
    from pipeline.parameters.train import Train

    return section("train", Train, **{"batch_size": 2, "logging_steps": 1} | changes)


def generate_params(**changes: Any) -> Any:
    from pipeline.parameters.generate import Generate

    return section("generate", Generate, **{"max_new_tokens": 8, "num_beams": 1} | changes)


def trained_methods(*but: str) -> list[Any]:
    """The methods that train something, as parameters of a test; those that are not QUICK are marked slow."""
    import pytest

    from pipeline import methods

    names = [name for name in methods.names() if hasattr(methods.find(name), "adapt") and name not in but]
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in names]


# What a method does with a model


def load(folder: Path, architecture: str, chat: Chat | None = None) -> Any:
    """A base as a `LanguageModel`, in evaluation mode."""
    from pipeline.models.loading import load_model

    loaded = load_model(folder, architecture, chat)
    loaded.network.eval()
    return loaded


def adapt(loaded: Any, method: str, **changes: Any) -> Any:
    """The same `LanguageModel` with what a method puts into its network."""
    from pipeline import methods

    loaded.network.requires_grad_(False)
    loaded.network = methods.find(method).adapt(loaded, method_params(method, **changes), 1)
    loaded.network.eval()
    return loaded


def adapted(method: str, folder: Path, architecture: str, **changes: Any) -> Any:
    """A base with a method's adapter whose values were moved away from their start, as if trained."""
    import torch

    torch.manual_seed(1)
    loaded = adapt(load(folder, architecture), method, **changes)
    with torch.no_grad():
        for parameter in loaded.network.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return loaded


def prompts(loaded: Any, count: int = 5) -> list[list[int]]:
    """Prompts of very different lengths."""
    return [loaded.tokenizer(text[: 20 + 37 * number])["input_ids"] for number, text in enumerate(texts()[:count])]


def answers(loaded: Any, batch_size: int, inputs: list[list[int]] | None = None, **changes: Any) -> list[list[int]]:
    """The token ids that a model answers to each prompt."""
    from pipeline.inference.decoding import configure_decoding, generate_answers

    params, inputs = generate_params(**changes), inputs or prompts(loaded)
    config = configure_decoding(loaded, params)
    found = {n: answer.ids for n, answer, _ in generate_answers(loaded, inputs, config, batch_size, params.precision)}
    return [found[number] for number in range(len(inputs))]


# Training

SENTENCES = ("One.", "Two and three.", "Four, five, six and seven.", "Eight.")


def examples(loaded: Any, sentences: tuple[str, ...] = SENTENCES) -> list[dict[str, list[int]]]:
    """Each sentence as a prompt, with its own first five tokens as the completion."""
    ids = [loaded.tokenizer(sentence)["input_ids"] for sentence in sentences]
    return [loaded.encode_example(one, one[:5], loaded.tokenizer.eos_token_id) for one in ids]


def trainer(
    base: Path,
    folder: Path,
    method: str = "full",
    precision: str = "fp32",
    architecture: str = "seq2seq",
    train: dict[str, Any] | None = None,
    sentences: tuple[str, ...] = SENTENCES,
    sharded: bool = False,
    **changes: Any,
) -> Any:
    """A MethodTrainer of a method on a tiny model and a few sentences, with its checkpoints and curves in `folder`.

    The first two, or a quarter of more than eight, are for validation too.
    """
    import torch
    from accelerate.state import AcceleratorState

    from pipeline import methods
    from pipeline.methods.base import MethodHooks
    from pipeline.models.resource_monitor import ResourceMonitor
    from pipeline.training.checkpoints import Checkpoints
    from pipeline.training.curves import Curves
    from pipeline.training.loop import MethodTrainer
    from pipeline.training.quantized_base import load_base

    AcceleratorState._reset_state()  # one a process, of one precision; a process of the pipeline trains once
    torch.manual_seed(1)
    changes = {"num_train_epochs": 2} | changes
    settings, params = train_params(**train or {}), method_params(method, **changes)
    loaded = adapt(load_base(base, architecture, settings, precision), method, **changes)
    rows = examples(loaded, sentences)
    return MethodTrainer(
        loaded,
        getattr(methods.find(method), "Hooks", MethodHooks),
        rows,
        rows[: max(2, len(rows) // 4)],
        params=params,
        train=settings,
        precision=precision,
        seed=1,
        checkpoints=Checkpoints(folder / "checkpoints"),
        curves=Curves(f"train {method}", folder / "curves", folder / "speed"),
        monitor=ResourceMonitor(),
        sharded=sharded,
    )


def interrupt_after(trainer: Any, step: int) -> None:
    """Train until after an optimizer step that no checkpoint holds."""

    class Interrupted(Exception):
        pass

    go_on = trainer.hooks.after_optimizer_step

    def interrupt(done: int) -> None:
        go_on(done)
        if done == step:
            raise Interrupted

    trainer.hooks.after_optimizer_step = interrupt
    with contextlib.suppress(Interrupted):
        trainer.train()
        raise AssertionError(f"the training ended before step {step}")


def children(pid: int) -> list[Any]:
    """The processes that a process has started and that run a worker."""
    import psutil

    living = [one for one in psutil.Process(pid).children() if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in living if "spawn_main" in " ".join(one.cmdline())]
