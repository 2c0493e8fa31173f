"""Tiny models of both families with random weights: real architectures and tokenizers, small enough for a test."""

import random
from functools import cache
from pathlib import Path

from support_calls.dialogues import compose

CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@cache
def texts() -> tuple[str, ...]:
    """Dialogues and summaries, in turns."""
    rng = random.Random(0)
    calls = [compose(rng, "train") for _ in range(240)]
    return tuple(text for call in calls for text in (call.text(), call.references[0]))


def tokenizer(corpus: list[str], arch: str, vocabulary: int):
    """A byte-level BPE tokenizer trained on the corpus; digits stand alone, as in T5's and Llama's."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "</s>"] if arch == "seq2seq" else ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet)
    )
    if arch == "seq2seq":
        core.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
        return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>")
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<|im_end|>", eos_token="<|im_end|>", chat_template=CHAT
    )


def model(arch: str, vocabulary: int, width: int, seed: int = 0):
    """A T5 v1.1 or a Llama with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

    torch.manual_seed(seed)
    if arch == "seq2seq":
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
        with torch.no_grad():  # or the decoder, begun with the pad token, would repeat it for ever
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


def make(arch: str, folder: Path, corpus: list[str], vocabulary: int = 512, width: int = 32) -> Path:
    """A model folder as the hub would give it."""
    pieces = tokenizer(corpus, arch, vocabulary)
    model(arch, len(pieces), width).save_pretrained(folder)
    pieces.save_pretrained(folder)
    return folder
