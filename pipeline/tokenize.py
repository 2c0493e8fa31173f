"""Input ids and labels of every training and validation example, and how much the limits cut off.

    python -m pipeline.tokenize

A prompt over its limit loses some of the middle of its source only: the instruction and the ending stay. Limits that
are `auto` are found here from the lengths of train and validation. Every file is read twice, example by example: for
the lengths, and for the tokens.
"""

import itertools
import statistics
from array import array
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import read_params
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.progress import progress
from pipeline.core.shapes import Prompt
from pipeline.core.token_files import write_tokens
from pipeline.models.architectures.base import IGNORED, LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.limits import Limits, choose_limits, percentile, write_limits
from pipeline.models.loading import count_parameters, load_config, load_text_encoder
from pipeline.models.prompts import encode_prompt, encode_row, tokenize_completion
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template
from pipeline.parameters.tokenize import Tokenize

TRUNCATED_WARNING = 0.05  # share of examples that a limit cuts
UNKNOWN_WARNING, UNKNOWN_REFUSAL = 0.01, 0.5  # share of tokens that the tokenizer does not know
AT_A_TIME = 100  # examples that are checked together


def run(paths: Paths, *, tokenize: Tokenize, model: Model, template: Template) -> None:
    with files.explain_damage(paths.base_model):
        encoder = load_text_encoder(paths.base_model, model.architecture, chat_settings(model, template))
    places = {split: paths.prompts(split) for split in SPLITS} | {"train": paths.mixed_prompts}
    config = load_config(paths.base_model)
    limits = find_limits(places, encoder, config, paths, tokenize)
    card: dict[str, Any] = {"limits": asdict(limits)}
    for split, place in places.items():
        summary = Summary(encoder.tokenizer)
        rows = progress(files.iterate_jsonl(place, Prompt), files.count_lines(place), f"tokenize {split}")
        examples = encoded(rows, encoder, config, limits, summary)
        if split == "test":  # its prompts are encoded by `generate`, with worked examples in front
            for _ in examples:
                pass
        else:
            write_tokens(paths.tokens(split), examples)
        card[split] = summary.card()
        print(f"{split}: {card[split]}")
        check_unknown(split, card[split])
    for text in warnings(card, limits):
        print(f"warning: {text}")
    write_limits(paths, limits, tokenize)
    files.write_json(paths.token_card, card)


def find_limits(places: dict[str, Path], model: LanguageModel, config: Any, paths: Paths, settings: Tokenize) -> Limits:
    """The limits that apply to all splits."""
    parameters = count_parameters(paths.base_model)
    automatic = "auto" in (settings.max_source_tokens, settings.max_target_tokens)
    ends = len(model.completion_frame[1])
    sources, targets = array("q"), array("q")
    for split in ("train", "validation"):
        rows = files.iterate_jsonl(places[split], Prompt)
        for row in progress(rows, files.count_lines(places[split]), f"measure {split}"):
            targets.append(len(tokenize_completion(row["completion"], model)) + ends)
            if automatic:
                sources.append(len(encode_prompt(row["prompt"], model)[1]))
    limits = choose_limits(sources or [1], targets, settings, model, config, parameters, reserved_positions())
    if settings.max_source_tokens not in ("auto", limits.max_source_tokens):
        print(f"tokenize.max_source_tokens: {limits.max_source_tokens}, for the model has no more positions")
    if "auto" in (settings.max_source_tokens, settings.max_target_tokens):
        print(f"limits: {asdict(limits)}")
    return limits


def reserved_positions() -> int:
    """The most virtual tokens that a chosen method puts before every prompt."""
    values = read_params()
    return max((values[name].get("num_virtual_tokens", 0) for name in values["methods"]), default=0)


def encoded(
    rows: Iterator[dict[str, Any]], model: LanguageModel, config: Any, limits: Limits, summary: "Summary"
) -> Iterator[dict[str, Any]]:
    """What is kept of each row's example: id, input_ids and labels. Checks the examples and fills `summary`."""
    while some := list(itertools.islice(rows, AT_A_TIME)):
        examples = [encode_example(row, model, limits.max_source_tokens, limits.max_target_tokens) for row in some]
        check_ids(some, examples, config)
        check_instructions(some, examples, model)
        for example in examples:
            summary.add(example)
            yield {key: example[key] for key in ("id", "input_ids", "labels")}


def encode_example(row: dict[str, Any], model: LanguageModel, source_limit: int, target_limit: int) -> dict[str, Any]:
    """One example: id, input_ids, labels, its parts, and how many tokens the limits cut from source and target."""
    prompt = encode_row(row, [], model, source_limit)
    target, ends = tokenize_completion(row["completion"], model), model.completion_frame[1]
    room = target_limit - len(ends)
    return {
        "id": row["id"],
        **model.encode_example(prompt.ids, [*target[:room], *ends[:-1]], ends[-1]),
        "source": prompt.ids,
        "target": target[:room],
        "source_cut": prompt.truncated,
        "target_cut": max(0, len(target) - room),
    }


def check_ids(rows: list[dict[str, Any]], examples: list[dict[str, Any]], config: Any) -> None:
    """Raise InputError for a text with a token that the model has no embedding for."""
    size = config.get_text_config().vocab_size
    for row, example in zip(rows, examples):
        if (highest := max([*example["source"], *example["target"]], default=0)) >= size:
            raise InputError(
                f"{row['id']}: token {highest} of this text is beyond the model's {size} embeddings: "
                "call model.resize_token_embeddings(len(tokenizer)) and save the model again"
            )


def check_instructions(rows: list[dict[str, Any]], examples: list[dict[str, Any]], model: LanguageModel) -> None:
    """Raise InputError for an example whose ids no longer hold the instruction around the source."""
    decode = model.tokenizer.decode
    as_read: dict[str, list[str]] = {}  # words of an instruction as the tokenizer gives them back
    for row, example in zip(rows, examples):
        words = []
        for part in row["instruction"].split(row["source"]):
            if part not in as_read:
                as_read[part] = decode(encode_prompt(part, model)[1], skip_special_tokens=True).split()
            words += as_read[part]
        text = "".join(decode(example["source"], skip_special_tokens=True).split())
        lost = [word for word in words if word not in text]
        if len(lost) > 0.1 * len(words):
            raise InputError(
                f"{row['id']}: after tokenization the prompt has lost {' '.join(lost[:5])!r} of its instruction: "
                "raise tokenize.max_source_tokens, or look at data/prompts/readable and the model's tokenizer"
            )


class Summary:
    """Lengths, truncation and unknown tokens of one split, of which each example adds a few numbers."""

    def __init__(self, tokenizer: Any) -> None:
        self._unknown = unknown_token(tokenizer)
        self._lengths, self._labels = array("q"), array("q")
        self._cut = {"source": array("q"), "target": array("q")}
        self._tokens = {"source": 0, "target": 0}
        self._unknown_tokens = {"source": 0, "target": 0}

    def add(self, example: dict[str, Any]) -> None:
        self._lengths.append(len(example["input_ids"]))
        self._labels.append(sum(label != IGNORED for label in example["labels"]) + example["target_cut"])
        for part, cut in self._cut.items():
            cut.append(example[f"{part}_cut"])
            self._tokens[part] += len(example[part])
            self._unknown_tokens[part] += example[part].count(self._unknown)

    def card(self) -> dict[str, float]:
        """What reports/tokens.json says of the split."""
        source, target = self._cut["source"], self._cut["target"]
        return {
            "examples": len(self._lengths),
            "mean input tokens": round(statistics.fmean(self._lengths), 1),
            "longest input tokens": max(self._lengths),
            "prompts truncated": sum(cut > 0 for cut in source),
            "prompt tokens truncated": sum(source),
            "targets truncated": sum(cut > 0 for cut in target),
            "target tokens truncated": sum(target),
            "target tokens, 95 % have at most": percentile(self._labels, 0.95),
            "unknown prompt tokens, %": self._unknown_percent("source"),
            "unknown target tokens, %": self._unknown_percent("target"),
        }

    def _unknown_percent(self, part: str) -> float:
        return round(100 * self._unknown_tokens[part] / max(1, self._tokens[part]), 2)


def unknown_token(tokenizer: Any) -> int | None:
    """The id of what the tokenizer does not know; None where it knows all, as a byte-level one does."""
    unknown: int | None = tokenizer.unk_token_id
    return None if unknown in (tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id) else unknown


def check_unknown(split: str, card: dict[str, float]) -> None:
    """Raise InputError where the tokenizer does not know most of a split, and warn of less."""
    for kind in ("prompt", "target"):
        percent = card[f"unknown {kind} tokens, %"]
        text = f"{split}: the model's tokenizer does not know {percent:.0f} % of the {kind} tokens"
        if percent > 100 * UNKNOWN_REFUSAL:
            raise InputError(f"{text}: a model of another language, or a folder without its tokenizer's files")
        if percent > 100 * UNKNOWN_WARNING:
            print(f"warning: {text}; the model reads and learns <unk> in their place")


def warnings(card: dict[str, Any], limits: Limits) -> list[str]:
    """What the data says against the limits, before anything is trained."""
    texts = []
    for kind, key in (("prompts", "max_source_tokens"), ("targets", "max_target_tokens")):
        share = card["train"][f"{kind} truncated"] / card["train"]["examples"]
        if share > TRUNCATED_WARNING:
            limit = f"tokenize.{key}={getattr(limits, key)}"
            texts.append(f"{limit} cuts {share:.0%} of train's {kind}; auto takes what the data needs")
    new, needed = read_params()["generate"]["max_new_tokens"], card["train"]["target tokens, 95 % have at most"]
    if isinstance(new, int) and new < needed:
        texts.append(
            f"generate.max_new_tokens={new}: more than 5 % of train's outputs are longer and would be cut; 95 % have "
            f"at most {needed} tokens; auto, with tokenize.max_target_tokens=auto, takes {limits.max_new_tokens}"
        )
    return texts


if __name__ == "__main__":
    run_stage(run)
