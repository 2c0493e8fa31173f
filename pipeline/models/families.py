"""The two model families, seq2seq (T5, BART) and causal (Llama, GPT), and all in which they differ.

`model.arch` chooses; no stage asks which family a model is of.
"""

import math
import warnings
from pathlib import Path

IGNORED = -100  # the label that cross entropy leaves out
IN_THE_CACHE = ("PREFIX_TUNING", "CARTRIDGE")  # PEFT's kinds whose virtual tokens are keys and values


def load_tokenizer(base: Path):
    """The base model's tokenizer, offline. Padding with the end token is harmless here: masks go by length."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True, trust_remote_code=False)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _auto(arch: str):
    """The class that reads a model folder of this family."""
    import transformers

    return {"seq2seq": transformers.AutoModelForSeq2SeqLM, "causal": transformers.AutoModelForCausalLM}[arch]


def load_model(folder: Path, arch: str, attention: str = "sdpa"):
    """A model folder's weights as fp32 masters: pure bf16 weights lose small updates."""
    import torch

    return _auto(arch).from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation=attention,
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
    )


def absent_weights(folder: Path, arch: str) -> list[str]:
    """The parameters that a model folder does not give, or not in its own shape: these would be random."""
    import transformers

    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # it would list them in a table of its own
    _, report = _auto(arch).from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, ignore_mismatched_sizes=True, local_files_only=True
    )
    transformers.utils.logging.set_verbosity(verbosity)
    return sorted([*report["missing_keys"], *(str(key) for key in report["mismatched_keys"])])


def count_parameters(folder: Path) -> int:
    """Parameters of a model folder, from the headers of its safetensors."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="numpy") as weights:
            total += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return total


def load_tuned(base: Path, tuned: Path, arch: str, merge: bool):
    """The model a method left in `tuned`: a whole model, an adapter on the base, or the base itself.

    `merge` folds an adapter into the base's weights where its kind allows it (LoRA does, soft prompts do not).
    """
    if (tuned / "config.json").exists():
        return load_model(tuned, arch)
    model = load_model(base, arch)
    if not (tuned / "adapter_config.json").exists():
        return model
    from peft import PeftModel

    with warnings.catch_warnings():  # PEFT takes AdaLoRA's ranks for LoRA's, warns, and then uses them rightly
        warnings.filterwarnings("ignore", "The following rank_pattern keys did not match")
        model = PeftModel.from_pretrained(model, tuned)
    if merge and mergeable(model):
        model = model.merge_and_unload(safe_merge=True)
    return model


def mergeable(model) -> bool:
    """Whether the model carries an adapter that could be folded into its weights."""
    return hasattr(model, "peft_config") and hasattr(model.base_model, "merge_and_unload")


def task_type(arch: str) -> str:
    """PEFT's name of the family."""
    return {"seq2seq": "SEQ_2_SEQ_LM", "causal": "CAUSAL_LM"}[arch]


def separator(arch: str) -> str:
    """What stands between a plain prompt and its completion: a causal model reads them as one text."""
    return {"seq2seq": "", "causal": " "}[arch]


def example(prompt: list[int], completion: list[int], eos: int, arch: str) -> dict[str, list[int]]:
    """Input ids and labels of one training example; the end token is always a label, the prompt never."""
    if arch == "seq2seq":
        return {"input_ids": prompt, "labels": [*completion, eos]}
    return {"input_ids": [*prompt, *completion, eos], "labels": [IGNORED] * len(prompt) + [*completion, eos]}


def real_tokens(row: dict[str, list[int]], arch: str) -> int:
    """Tokens of an example that the model computes over, pads left out."""
    return len(row["input_ids"]) + (len(row["labels"]) if arch == "seq2seq" else 0)


def batch_tokens(inputs: dict, arch: str):
    """`real_tokens` of a padded batch, as a tensor."""
    labels = (inputs["labels"] != IGNORED).sum() if arch == "seq2seq" else 0
    return inputs["attention_mask"].sum() + labels


def collator(tokenizer, network, arch: str):
    """Pads a list of examples to the longest of its batch; label pads are ignored, masks go by length."""
    from transformers import DataCollatorForSeq2Seq

    tokenizer.padding_side = "right"
    # Given the model, it adds decoder inputs, so that the forward pass need not compute a loss of its own.
    return DataCollatorForSeq2Seq(tokenizer, model=network if arch == "seq2seq" else None, label_pad_token_id=IGNORED)


def loss(network, inputs: dict, arch: str):
    """Summed cross entropy of the labels and their number."""
    import torch.nn.functional as F

    logits, labels = labelled_logits(network, inputs, arch)
    total = F.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return total, (labels != IGNORED).sum()


def log_likelihoods(network, inputs: dict, arch: str):
    """Of each row of a padded batch, the summed log-probability of its labels and their number; two (rows,) tensors."""
    import torch
    import torch.nn.functional as F

    logits, labels = labelled_logits(network, inputs, arch)
    each = -F.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="none")
    counted = inputs["labels"] != IGNORED
    of = torch.arange(len(counted), device=each.device)
    rows = of.repeat_interleave(counted.sum(dim=1)) if arch == "causal" else of.repeat_interleave(counted.shape[1])
    return torch.zeros(len(counted), device=each.device).index_add(0, rows, each), counted.sum(dim=1)


def labelled_logits(network, inputs: dict, arch: str):
    """(positions, vocabulary) logits in fp32 and their labels; causal ones only where a label stands."""
    import torch.nn.functional as F

    inputs = dict(inputs)
    labels = inputs.pop("labels")
    if arch == "causal":  # position t predicts the token at t + 1
        labelled = labels[:, 1:] != IGNORED
        inputs["logits_to_keep"] = F.pad(labelled, (soft_tokens(network), 1))
        labels = labels[:, 1:][labelled]
    return network(**inputs, use_cache=False).logits.flatten(0, -2).float(), labels


def generation_padding(arch: str) -> str:
    """The side to pad a batch of prompts on: a causal model must go on right after the prompt's last token."""
    return {"seq2seq": "right", "causal": "left"}[arch]


def generate(network, batch: dict, config, arch: str):
    """The new token ids of each prompt of a padded batch: no prompt, no decoder start token.

    A soft prompt goes between a causal batch's left pads and its text, where training had it. PEFT's own generate
    puts it before the pads, so that its distance to the text, and with it the answer, changes with the batch.
    """
    import torch

    if arch == "seq2seq":
        return network.generate(**batch, generation_config=config, past_key_values=beam_cache())[:, 1:]
    if not soft_tokens(network):
        return network.generate(**batch, generation_config=config)[:, batch["input_ids"].shape[1] :]
    texts, mask = network.get_input_embeddings()(batch["input_ids"]), batch["attention_mask"]
    prompts = network.get_prompt(len(texts))
    embeddings = torch.cat([prompts, texts], dim=1)
    mask = torch.cat([mask.new_ones(prompts.shape[:2]), mask], dim=1)
    order = mask.argsort(dim=1, stable=True)  # pads to the front, all else in its order
    embeddings = embeddings.gather(1, order[..., None].expand_as(embeddings))
    return network.get_base_model().generate(
        inputs_embeds=embeddings, attention_mask=mask.gather(1, order), generation_config=config
    )


def beam_cache():
    """An empty cache whose cross-attention no step of a beam search copies: all beams of a prompt share it."""
    from transformers import DynamicCache, EncoderDecoderCache

    class BeamCache(EncoderDecoderCache):
        def reorder_cache(self, beam_idx):
            self.self_attention_cache.reorder_cache(beam_idx)

    return BeamCache(DynamicCache(), DynamicCache())


def virtual_tokens(network) -> int:
    """How many trained positions a model puts before its prompt: soft tokens, or a prefix."""
    config = getattr(network, "peft_config", {}).get("default")
    return config.num_virtual_tokens if config is not None and config.is_prompt_learning else 0


def soft_tokens(network) -> int:
    """Those of them that stand among the inputs and have logits; a prefix stands in the cache."""
    count = virtual_tokens(network)
    return count if count and network.peft_config["default"].peft_type not in IN_THE_CACHE else 0


def cache_shape(model, arch: str) -> tuple[int, int, int]:
    """Layers of what a model's decoder caches of itself, the heads of each and their width; asked of the model."""
    import torch

    token = torch.zeros((1, 1), dtype=torch.long, device=model.device)
    with torch.no_grad():
        inputs = {"seq2seq": {"decoder_input_ids": token}, "causal": {}}[arch]
        cache = model(input_ids=token, **inputs, use_cache=True).past_key_values
    layers = getattr(cache, "self_attention_cache", cache).layers
    _, heads, _, width = layers[0].keys.shape
    return len(layers), heads, width
