"""Outputs for a split's examples by what one run left: the model, its prompts, and rows of predictions."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.inference.decoding import configure_decoding, free_positions, generate_answers
from pipeline.inference.likelihood import choice_log_likelihoods, confidence, output_log_likelihoods
from pipeline.inference.tuned_prompts import encode_prompts, load_on_device, worked_examples
from pipeline.models import processes
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.limits import generation_settings, read_limits
from pipeline.models.loading import count_parameters
from pipeline.models.prompts import encode_with_examples
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.models.tokenizer import decode, tags
from pipeline.models.virtual_tokens import virtual_tokens
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def are_empty(predictions: list[dict[str, Any]]) -> str | None:
    """What to say where every output is empty; None where one is not."""
    if any(row["prediction"] for row in predictions):
        return None
    return f"every one of {len(predictions)} outputs is empty; nothing was learned or loaded"


class Written(NamedTuple):
    """A row of predictions for each prompt and its new token ids, in order; the smallest batch that fit into memory."""

    rows: list[dict[str, Any]]
    ids: list[list[int]]
    batch_size: int


@dataclass(frozen=True)
class Writer:
    """A tuned model, ready to write the outputs of prompts with the settings of `generate`.

    rows are those of data/prompts, prompts their ids with the method's worked examples, a list for each row.
    """

    model: LanguageModel
    rows: list[dict[str, Any]]
    prompts: list[list[int]]
    generate: Generate
    max_source_tokens: int

    def extra_prompt_tokens(self) -> float:
        """Mean tokens that a method adds to every prompt: worked examples, soft tokens."""
        plain = sum(len(encode_with_examples(row, [], self.model, self.max_source_tokens)) for row in self.rows)
        added = (sum(map(len, self.prompts)) - plain) / len(self.rows)
        return round(added + virtual_tokens(self.model.network), 1)

    def request_tokens(self) -> float:
        """Mean tokens that the model reads for a prompt, those that the method adds included."""
        return round(sum(map(len, self.prompts)) / len(self.prompts) + virtual_tokens(self.model.network), 1)

    def warm_up(self) -> None:
        """Write one output, of the shortest prompt, in each process: the first takes longer."""
        config = configure_decoding(self.model, self.generate)
        shortest = [min(self.prompts, key=len)] * processes.count()
        list(generate_answers(self.model, shortest, config, 1, self.generate.precision))

    def write(self, label: str) -> Written:
        """The outputs; `label` names their progress."""
        config, settings = configure_decoding(self.model, self.generate), self.generate
        answers = generate_answers(self.model, self.prompts, config, settings.batch_size, settings.precision)
        results = {number: (answer, size) for number, answer, size in progress(answers, len(self.prompts), label)}
        kept = tags(self.model, (text for row in self.rows for text in (row["source"], *row["references"])))
        predictions, ids = [], []
        for number, row in enumerate(self.rows):
            answer, _ = results[number]
            ids.append(answer.ids)
            text = decode(answer.ids, self.model, kept)  # without special tokens, but those that are words of the data
            counted = {"tokens": len(answer.ids), "ended": answer.ended}
            predictions.append({"id": row["id"], "prediction": text, "references": row["references"], **counted})
        return Written(predictions, ids, min(size for _, size in results.values()))

    def add_likelihoods(self, written: Written, label: str) -> list[dict[str, Any]]:
        """The rows with how likely the model finds each output: `nats`, minus its log-probability per token.

        Of the tokens as they were written, without the end; None of an empty output.
        """
        sums = output_log_likelihoods(self.model, self.prompts, written.ids, self.generate.batch_size, label)
        nats = [-total / len(ids) if ids else None for total, ids in zip(sums, written.ids)]
        return [row | {"nats": None if value is None else round(value, 4)} for row, value in zip(written.rows, nats)]

    @property
    def has_choices(self) -> bool:
        """Whether the rows say which outputs there are."""
        return "choices" in self.rows[0]

    def add_choices(self, predictions: list[dict[str, Any]], label: str) -> list[dict[str, Any]]:
        """The predictions with the likeliest choice of each row, as `choice`, and its probability, as `confidence`."""
        choices, size = [row["choices"] for row in self.rows], self.generate.batch_size
        likelihoods = choice_log_likelihoods(self.model, self.prompts, choices, size, label)
        likeliest = [texts[totals.index(max(totals))] for texts, totals in zip(choices, likelihoods)]
        return [
            row | {"choice": choice, "confidence": confidence(totals)}
            for row, choice, totals in zip(predictions, likeliest, likelihoods)
        ]


def prepare_writer(
    run: str,
    rows: list[dict[str, Any]],
    paths: Paths,
    model: Model,
    template: Template,
    generate: Generate,
    monitor: ResourceMonitor,
) -> Writer:
    """Load what a run left, on the best device, with rows of data/prompts."""
    limits, chat, folder = read_limits(paths), chat_settings(model, template), paths.tuned_model(run)
    with monitor.phase("load"):
        tuned = load_on_device(paths.base_model, folder, model.architecture, chat, generate.merge)
    parameters = count_parameters(paths.base_model)
    # `auto` goes by the memory that is free now, which is not the same in every process.
    settings = processes.from_first(
        lambda: generation_settings(generate, limits, tuned.base_network.config, parameters)
    )
    positions = free_positions(tuned, settings.max_new_tokens, "generate.max_new_tokens")
    limit = limits["max_source_tokens"]
    prompts = encode_prompts(rows, worked_examples(folder), tuned, limit, positions)
    return Writer(tuned, rows, prompts, settings, limit)
