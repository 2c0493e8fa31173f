"""The lines of Python that load a trained model with plain transformers and PEFT, for its card."""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.models import architectures
from pipeline.models.tuned import DEMONSTRATIONS, PARTIAL


@dataclass(frozen=True)
class Usage:
    """imports, three lines that load, and those that answer a `prompt`."""

    imports: list[str]
    load: list[str]
    answer: list[str]


def usage(folder: Path, weights: str, base: str, generation: str, architecture: str, prefix: str = "") -> Usage:
    """What to run for the weights in `folder`, which the lines call `weights`.

    base, generation: what they call the base and the folder of generation_config.json. prefix: goes before the prompt.
    """
    auto = architectures.find(architecture).auto_class
    needed = f"from transformers import {auto}, AutoTokenizer, GenerationConfig"
    settings = f"settings = GenerationConfig.from_pretrained({quoted(generation)})"
    answer = answer_lines(architecture, prefix)
    if (folder / "adapter_config.json").exists():
        add = f"model = PeftModel.from_pretrained(base, {quoted(weights)})"
        load = [network(auto, base, "base"), add, tokenizer(base)]
        return Usage(["from peft import PeftModel", needed], load, [settings, *answer])
    if (folder / PARTIAL).exists():
        add = f"model.load_state_dict(load_file({quoted(f'{weights}/{PARTIAL}')}), strict=False)"
        load = [network(auto, base), add, tokenizer(base)]
        return Usage(["from safetensors.torch import load_file", needed], load, [settings, *answer])
    whole = weights if (folder / "config.json").exists() else base
    return Usage([needed], [network(auto, whole), tokenizer(whole), settings], answer)


def network(auto: str, path: str, name: str = "model") -> str:
    return f'{name} = {auto}.from_pretrained({quoted(path)}, dtype="float32")'


def tokenizer(path: str) -> str:
    return f"tokenizer = AutoTokenizer.from_pretrained({quoted(path)})"


def answer_lines(architecture: str, prefix: str) -> list[str]:
    """From a `prompt` to the text."""
    prompt = f"{quoted(prefix)} + prompt" if prefix else "prompt"
    new = "output[0]" if architecture == "seq2seq" else 'output[0, ids["input_ids"].shape[1] :]'
    return [
        f'ids = tokenizer({prompt}, return_tensors="pt")',
        "output = model.generate(**ids, generation_config=settings)",
        f"print(tokenizer.decode({new}, skip_special_tokens=True))",
    ]


def quoted(text: str) -> str:
    """A text as it is written in Python."""
    return json.dumps(text, ensure_ascii=False)


def has_examples(folder: Path) -> bool:
    """Whether worked examples go into every prompt."""
    path = folder / DEMONSTRATIONS
    return path.exists() and path.stat().st_size > 0
