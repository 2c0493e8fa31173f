"""The sizes that memory depends on: the largest batch of a training, of a validation and of generation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.paths import Paths
from pipeline.core.token_files import TokenFile, input_lengths, longest_first
from pipeline.models.architectures.base import IGNORED, Example
from pipeline.models.limits import read_limits
from pipeline.parameters.generate import Generate
from pipeline.parameters.tokenize import Tokenize

ASSUMED = {
    "max_source_tokens": 512,
    "max_target_tokens": 128,
    "max_new_tokens": 128,
}  # where they are auto, before tokenize


@dataclass(frozen=True)
class BatchShape:
    """rows: examples. source: tokens of the longest input, padding included. target: tokens of the longest completion.

    labels: all tokens with a loss. Of a causal model the completion is part of the input.
    """

    rows: int
    source: int
    target: int
    labels: int

    @property
    def tokens(self) -> int:
        return self.rows * (self.source + self.target)


@dataclass(frozen=True)
class Lengths:
    """What is known of the data. Without tokens every example is taken to be as long as the limits allow.

    train and validation: examples, none where `tokenize` has not run.
    """

    max_source_tokens: int
    max_target_tokens: int
    max_new_tokens: int
    train: Sequence[Example] = ()
    validation: Sequence[Example] = ()


def read_lengths(paths: Paths, tokenize: Tokenize, generate: Generate) -> Lengths:
    """The limits and the tokens as they are on disk, else what params.yaml says."""
    source: Any = tokenize.max_source_tokens
    target, new = tokenize.max_target_tokens, generate.max_new_tokens
    if paths.limits.exists():
        found = read_limits(paths)
        source, new = found["max_source_tokens"], found["max_new_tokens"] or new
    asked = {"max_source_tokens": source, "max_target_tokens": target, "max_new_tokens": new}
    limits = {name: int(ASSUMED[name] if value == "auto" else value) for name, value in asked.items()}
    return Lengths(**limits, train=read_tokens(paths, "train"), validation=read_tokens(paths, "validation"))


def read_tokens(paths: Paths, split: str) -> Sequence[Example]:
    """The examples of a split; none where `tokenize` has not run."""
    path = paths.tokens(split)
    return TokenFile(path) if path.exists() else ()


def shape_of(examples: Sequence[Example], causal: bool) -> BatchShape:
    """The shape of a batch of these examples."""
    counts = [sum(label != IGNORED for label in one["labels"]) for one in examples]
    source = max(len(one["input_ids"]) for one in examples)
    return BatchShape(len(examples), source, 0 if causal else max(counts), sum(counts))


def assumed_shape(rows: int, lengths: Lengths, causal: bool) -> BatchShape:
    """A batch of examples that are all as long as the limits allow."""
    source, target = lengths.max_source_tokens, lengths.max_target_tokens
    return BatchShape(rows, source + target if causal else source, 0 if causal else target, rows * target)


def training_shape(lengths: Lengths, batch_size: int, causal: bool, seed: int, epochs: int) -> BatchShape:
    """The largest batch of a training, as its order of examples makes it."""
    if not lengths.train:
        return assumed_shape(batch_size, lengths, causal)
    from pipeline.training.batches import length_grouped_batches

    sizes = input_lengths(lengths.train)
    batches = [batch for epoch in range(epochs) for batch in length_grouped_batches(sizes, batch_size, seed, epoch)]
    shapes = [shape_of([lengths.train[number] for number in batch], causal) for batch in batches]
    return max(shapes, key=lambda shape: shape.tokens)


def validation_shape(lengths: Lengths, batch_size: int, causal: bool) -> BatchShape:
    """The largest batch of a validation, which takes twice the batch size, the longest examples first."""
    if not lengths.validation:
        return assumed_shape(2 * batch_size, lengths, causal)
    return shape_of(longest_first(lengths.validation)[: 2 * batch_size], causal)


def generation_shape(lengths: Lengths, rows: int, causal: bool, examples: int = 0) -> BatchShape:
    """A batch of the longest prompts; examples: worked ones before each, as long as a prompt with its output."""
    source = lengths.max_source_tokens
    if lengths.train:
        sources = (len(one["input_ids"]) - (shape_of([one], True).labels if causal else 0) for one in lengths.train)
        source = min(source, max(sources))
    source += examples * (source + lengths.max_target_tokens)
    return BatchShape(rows, source, lengths.max_new_tokens, 0)
