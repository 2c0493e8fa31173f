"""Tiny models of both families with random weights: real architectures and tokenizers, small enough for a test.

    python -m tests.tiny seq2seq models/tiny_t5

makes the stand-in of the default run from the bundled dialogues, trained for minutes to repeat single lines.
"""

import json
import sys
from pathlib import Path

CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def texts(folder: Path = Path("data/support")) -> list[str]:
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    return [text for row in rows for text in (row["dialogue"], row["summary"])]


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


def pretrain(folder: Path, corpus: list[str], steps: int, batch_size: int = 32) -> None:
    """Teach a seq2seq model to repeat one line of a text: enough for it to write words at all."""
    import random

    import torch
    from transformers import AutoModelForSeq2SeqLM

    from pipeline import families

    draw = random.Random(0)
    pieces = families.load_tokenizer(folder)
    network = AutoModelForSeq2SeqLM.from_pretrained(folder).train()
    collate = families.collator(pieces, network, "seq2seq")
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    lines = [line for text in corpus for line in text.split("\n")]
    for step in range(steps):
        chosen = draw.sample(lines, batch_size)
        labels = [pieces(line, truncation=True, max_length=40)["input_ids"] for line in chosen]
        batch = collate([pieces(f"Repeat: {line}") | {"labels": ids} for line, ids in zip(chosen, labels)])
        total, count = families.loss(network, batch, "seq2seq")
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}/{steps}: loss {total.item() / count.item():.3f}", flush=True)
    network.save_pretrained(folder)


if __name__ == "__main__":
    made = make(sys.argv[1], Path(sys.argv[2]), texts(), vocabulary=1024, width=96)
    if sys.argv[1] == "seq2seq":
        pretrain(made, texts(), steps=1500)
