"""The formats of an export: how each writes the weights of a run, and which runs it cannot hold."""

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.runs import parse_run
from pipeline.exporting import soft_tokens
from pipeline.exporting.ctranslate2_engine import convert
from pipeline.inference.decoding import configure_decoding
from pipeline.inference.predictor import Predictor
from pipeline.models.architectures.base import Example
from pipeline.models.prompts import tokenize_completion
from pipeline.models.tuned import DEMONSTRATIONS, is_tuned_with_peft, needs_base
from pipeline.models.virtual_tokens import soft_tokens as count_soft_tokens
from pipeline.models.virtual_tokens import virtual_tokens

QUANTIZATIONS = ("float32", "int8", "int8_float32")
REFUSED = {
    "gguf": "no package of the index converts to GGUF: `gguf` reads and writes the format, and the converters are "
    "scripts of llama.cpp. Export a causal model with --to hf, and run llama.cpp's convert_hf_to_gguf.py on the folder",
    "onnx": "the kept converter, optimum-onnx (0.1.0), needs a transformers before 4.58, and this project has 5. "
    "Export with --to hf, and run `optimum-cli export onnx` on the folder in an environment of its own",
}


@dataclass(frozen=True)
class Source:
    """A run to export. predictor: it, loaded and merged as `generate` loads it. rows: some of data/prompts."""

    run: str
    base: Path
    tuned: Path
    predictor: Predictor
    rows: list[dict[str, Any]]

    def examples(self, tokens: tuple[str, ...]) -> list[Example]:
        """The rows with their references, after soft tokens of the vocabulary."""
        model = self.predictor.model
        soft, end = model.tokenizer.convert_tokens_to_ids(list(tokens)), model.completion_frame[1][-1]
        return [
            model.encode_example(
                [*soft, *self.predictor.encode(row)], tokenize_completion(row["completion"], model), end
            )
            for row in self.rows
        ]


def write_adapter(source: Source, output: Path, hub: dict[str, Any]) -> None:
    """What was trained, with the base's tokenizer; for a base of the hub its name there."""
    if not needs_base(source.tuned):
        raise InputError(f"{source.run}: a whole model and no adapter; use --to hf")
    shutil.copytree(source.tuned, output)
    source.predictor.model.tokenizer.save_pretrained(output)
    config = output / "adapter_config.json"
    if config.exists() and hub:
        values = json.loads(config.read_text())
        files.write_json(config, values | {"base_model_name_or_path": hub["repo_id"], "revision": hub["commit"]})
    save_generation(source.predictor, output)


def write_hf(source: Source, output: Path) -> None:
    """A plain model folder, with the adapter in its weights."""
    model = source.predictor.model
    if is_tuned_with_peft(model.network):
        raise InputError(f"{source.run}: {unmergeable(source)}")
    configure_decoding(model, source.predictor.settings)
    model.network.save_pretrained(output)
    model.tokenizer.save_pretrained(output)


def unmergeable(source: Source) -> str:
    """Why a method is not in the weights."""
    network = source.predictor.model.network
    if count_soft_tokens(network):
        return "a soft prompt has no place in the weights of the base; use --to soft-tokens"
    if virtual_tokens(network):
        return "a prefix is keys and values of attention, for which a plain model has no place; use --to adapter"
    return (
        "with the adapter in its weights this model says something else, or generate.merge is false; use --to adapter"
    )


def write_soft_tokens(source: Source, output: Path) -> tuple[str, ...]:
    """A plain model folder whose vocabulary has the soft prompt; returns its tokens."""
    model = source.predictor.model
    if not count_soft_tokens(model.network):
        raise InputError(f"{source.run}: {parse_run(source.run)[0]} has no soft prompt; use --to hf")
    tokens = soft_tokens.into_vocabulary(model)
    if source.predictor.settings.num_beams > 1:
        soft_tokens.expect_none(model, tokens, source.examples(tokens))
    configure_decoding(model, source.predictor.settings)
    model.network.save_pretrained(output)
    model.tokenizer.save_pretrained(output)
    return tokens


def write_ctranslate2(source: Source, output: Path, quantization: str) -> tuple[str, ...]:
    """A folder of CTranslate2, from the plain one; returns the tokens of a soft prompt."""
    soft = count_soft_tokens(source.predictor.model.network)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "hf"
        tokens: tuple[str, ...] = write_soft_tokens(source, plain) if soft else ()
        if not soft:
            write_hf(source, plain)
        convert(plain, output, quantization)
    source.predictor.model.tokenizer.save_pretrained(output)
    save_generation(source.predictor, output)
    return tokens


def save_generation(predictor: Predictor, output: Path) -> None:
    configure_decoding(predictor.model, predictor.settings).save_pretrained(output)


def save_examples(predictor: Predictor, output: Path) -> None:
    """The worked examples that fit before every prompt of test."""
    if predictor.examples or (output / DEMONSTRATIONS).exists():
        files.write_jsonl(output / DEMONSTRATIONS, predictor.examples)


def write(form: str, source: Source, output: Path, quantization: str, hub: dict[str, Any]) -> tuple[str, ...]:
    """Write the weights in a format; returns the tokens of a soft prompt that the vocabulary got."""
    if form in REFUSED:
        raise InputError(f"--to {form}: {REFUSED[form]}")
    writers: dict[str, Callable[[], tuple[str, ...] | None]] = {
        "adapter": lambda: write_adapter(source, output, hub),
        "hf": lambda: write_hf(source, output),
        "soft-tokens": lambda: write_soft_tokens(source, output),
        "ctranslate2": lambda: write_ctranslate2(source, output, quantization),
    }
    tokens = writers[form]() or ()
    save_examples(source.predictor, output)
    return tokens


FORMATS = ("adapter", "hf", "soft-tokens", "ctranslate2", *REFUSED)
