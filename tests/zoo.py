"""Tiny random models of many families, each as a folder that the hub could have given."""

from pathlib import Path
from typing import Any

from tests import tiny

VOCABULARY = 512
SEQ2SEQ = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
CAUSAL = {"pad_token_id": 2, "eos_token_id": 2, "bos_token_id": 0}
# Layers, heads and widths by the two spellings that configurations have.
BART = {
    **{"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
    **{"encoder_attention_heads": 4, "decoder_attention_heads": 4, "init_std": 0.3, "max_position_embeddings": 1024},
}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
LLAMA = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
LLAMA |= {"initializer_range": 0.3, "max_position_embeddings": 2048}
GROUPED = {**LLAMA, "num_key_value_heads": 2}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3, "n_positions": 1024}
GEMMA = {**GROUPED, "head_dim": 8}

# Family -> configuration class and its values.
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "t5": ("T5Config", {**SEQ2SEQ, **T5}),
    "mt5": ("MT5Config", {**SEQ2SEQ, **T5}),
    "umt5": ("UMT5Config", {**SEQ2SEQ, **T5}),
    "longt5": ("LongT5Config", {**SEQ2SEQ, **T5}),
    "bart": ("BartConfig", {**SEQ2SEQ, **BART, "decoder_start_token_id": 1, "bos_token_id": 0}),
    "mbart": ("MBartConfig", {**SEQ2SEQ, **BART, "scale_embedding": True, "decoder_start_token_id": None}),
    "m2m100": ("M2M100Config", {**SEQ2SEQ, **BART, "scale_embedding": True, "decoder_start_token_id": 1}),
    "pegasus": ("PegasusConfig", {**SEQ2SEQ, **BART, "scale_embedding": True}),
    "led": (
        "LEDConfig",
        {
            **{key: value for key, value in (SEQ2SEQ | BART).items() if key != "max_position_embeddings"},
            **{"attention_window": 16, "max_encoder_position_embeddings": 1024, "max_decoder_position_embeddings": 256},
        },
    ),
    "marian": ("MarianConfig", {**SEQ2SEQ, **BART}),
    "t5gemma": ("T5GemmaConfig", {**SEQ2SEQ, "encoder": GEMMA, "decoder": GEMMA}),
    "gpt2": ("GPT2Config", {**CAUSAL, **GPT2}),
    "llama": ("LlamaConfig", {**CAUSAL, **GROUPED}),
    "mistral": ("MistralConfig", {**CAUSAL, **GROUPED}),
    "qwen2": ("Qwen2Config", {**CAUSAL, **GROUPED}),
    "qwen3": ("Qwen3Config", {**CAUSAL, **GEMMA}),
    "gemma": ("GemmaConfig", {**CAUSAL, **GEMMA}),
    "gemma2": ("Gemma2Config", {**CAUSAL, **GEMMA}),
    "gemma3": ("Gemma3TextConfig", {**CAUSAL, **GEMMA}),
    "phi": ("PhiConfig", {**CAUSAL, **LLAMA}),
    "phi3": ("Phi3Config", {**CAUSAL, **GROUPED}),
    "opt": ("OPTConfig", {**CAUSAL, **LLAMA, "ffn_dim": 64, "word_embed_proj_dim": 32, "init_std": 0.3}),
    "falcon": ("FalconConfig", {**CAUSAL, **LLAMA}),
    "bloom": ("BloomConfig", {**CAUSAL, "hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}),
    "gptj": ("GPTJConfig", {**CAUSAL, **GPT2, "rotary_dim": 4}),
    "gpt_neox": ("GPTNeoXConfig", {**CAUSAL, **LLAMA}),
    "mamba": ("MambaConfig", {**CAUSAL, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}),
    "mamba2": (
        "Mamba2Config",
        {
            **CAUSAL,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "state_size": 8,
            "num_heads": 8,
            "head_dim": 8,
            "n_groups": 1,
        },
    ),
}


def architecture(family: str) -> str:
    return "seq2seq" if "decoder_start_token_id" in FAMILIES[family][1] else "causal"


def make(family: str, folder: Path, **changes: Any) -> Path:
    """A model folder of a family."""
    kind, values = FAMILIES[family]
    if family == "t5gemma":
        shared = {"vocab_size": VOCABULARY, "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 0}
        values = values | {"encoder": values["encoder"] | shared, "decoder": values["decoder"] | shared}
    return make_of(kind, values | changes, architecture(family), folder)


def make_of(kind: str, values: dict[str, Any], architecture: str, folder: Path) -> Path:
    """A model folder of a configuration class, with the tests' tokenizer."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = getattr(transformers, kind)(**values, vocab_size=VOCABULARY)
    auto = transformers.AutoModelForSeq2SeqLM if architecture == "seq2seq" else transformers.AutoModelForCausalLM
    auto.from_config(config).save_pretrained(folder)
    tiny.tokenizer(tiny.texts(), architecture, VOCABULARY).save_pretrained(folder)
    return folder
