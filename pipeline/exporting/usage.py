"""The lines of Python that load a trained model with plain transformers and PEFT, for its card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.exporting.ctranslate2_engine import PATIENCE
from pipeline.models import architectures
from pipeline.models.tuned import DEMONSTRATIONS, PARTIAL, needs_base

TORCH = "import torch"


@dataclass(frozen=True)
class Usage:
    """imports, three lines that load, and those that answer a `prompt`."""

    imports: list[str]
    load: list[str]
    answer: list[str]


def usage(values: dict[str, Any], folder: Path, weights: str, base: str, generation: str) -> Usage:
    """What to run for the weights in `folder`; values: of settings.json.

    weights, base, generation: what the lines call them, the last for the folder of generation_config.json.
    """
    auto, source = architectures.find(values["model"]["architecture"]).auto_class, values["base"]["source"]
    needed = f"from transformers import {auto}, AutoTokenizer, GenerationConfig"
    settings = f"settings = GenerationConfig.from_pretrained({quoted(generation)})"
    answer = answer_lines(values)
    if not needs_base(folder):
        return Usage([TORCH, needed], [network(auto, weights), tokenizer(weights), settings], answer)
    revision = source["commit"] if base == source.get("repo_id") else ""
    bare, pieces = network(auto, base, revision), tokenizer(base, revision)
    if (folder / "adapter_config.json").exists():
        load = [bare.replace("model =", "base =", 1), f"model = PeftModel.from_pretrained(base, {quoted(weights)})"]
        return Usage([TORCH, "from peft import PeftModel", needed], [*load, pieces], [settings, *answer])
    if (folder / PARTIAL).exists():
        add = f"model.load_state_dict(load_file({quoted(f'{weights}/{PARTIAL}')}), strict=False)"
        imports = [TORCH, "from safetensors.torch import load_file", needed]
        return Usage(imports, [bare, add, pieces], [settings, *answer])
    return Usage([TORCH, needed], [bare, pieces, settings], answer)


def network(auto: str, path: str, revision: str = "") -> str:
    return f'model = {auto}.from_pretrained({at(path, revision)}, dtype="float32")'


def tokenizer(path: str, revision: str = "") -> str:
    return f"tokenizer = AutoTokenizer.from_pretrained({at(path, revision)})"


def at(path: str, revision: str) -> str:
    return f"{quoted(path)}, revision={quoted(revision)}" if revision else quoted(path)


def answer_lines(values: dict[str, Any]) -> list[str]:
    """From a `prompt` to the text."""
    new = "output[0]" if values["model"]["architecture"] == "seq2seq" else "output[0, len(ids) :]"
    return [
        f"ids = {ids_of_prompt(values)}",
        "output = model.generate(input_ids=torch.tensor([ids]), generation_config=settings)",
        f"print(tokenizer.decode({new}, skip_special_tokens=True))",
    ]


def ids_of_prompt(values: dict[str, Any]) -> str:
    """The ids of a `prompt`, after those of a soft prompt; of a chat model it is what the user says."""
    ids, soft_tokens = 'tokenizer(prompt)["input_ids"]', values.get("soft_tokens", [])
    if values["model"]["chat"]:
        turn = '{"role": "user", "content": prompt}'
        options = {"add_generation_prompt": True, "return_dict": False} | values["template"]["chat_template_kwargs"]
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        ids = f"tokenizer.apply_chat_template([{turn}], {given})"
    if not soft_tokens:
        return ids
    names = quoted(soft_tokens[0].replace("0", "{n}"))
    return f"tokenizer.convert_tokens_to_ids([f{names} for n in range({len(soft_tokens)})]) + {ids}"


def ctranslate2_usage(values: dict[str, Any], weights: str, config: dict[str, Any]) -> Usage:
    """What to run for a folder of CTranslate2; config: its generation_config.json."""
    architecture, soft_tokens = values["model"]["architecture"], values["soft_tokens"]
    causal, beams = architecture == "causal", config.get("num_beams", 1)
    engine, method = ("Generator", "generate_batch") if causal else ("Translator", "translate_batch")
    options = {"beam_size": beams, "no_repeat_ngram_size": config.get("no_repeat_ngram_size", 0)}
    options |= {"length_penalty": config.get("length_penalty", 1.0), "patience": PATIENCE} if beams > 1 else {}
    options |= {"max_length" if causal else "max_decoding_length": config["max_new_tokens"]}
    options |= {"include_prompt_in_result": False} if causal else {"max_input_length": 0}
    if soft_tokens:
        options["suppress_sequences"] = [[token] for token in soft_tokens]
    result = "result.sequences_ids[0]" if causal else "tokenizer.convert_tokens_to_ids(result.hypotheses[0])"
    return Usage(
        ["import ctranslate2", "from transformers import AutoTokenizer"],
        [f"model = ctranslate2.{engine}({quoted(weights)})", tokenizer(weights), f"options = {options}"],
        [
            f"ids = {ids_of_prompt(values)}",
            f"(result,) = model.{method}([tokenizer.convert_ids_to_tokens(ids)], **options)",
            f"print(tokenizer.decode({result}, skip_special_tokens=True))",
        ],
    )


def quoted(text: str) -> str:
    """A text as it is written in Python."""
    return json.dumps(text, ensure_ascii=False)


def has_examples(folder: Path) -> bool:
    """Whether worked examples go into every prompt."""
    path = folder / DEMONSTRATIONS
    return path.exists() and path.stat().st_size > 0
