"""What a run left, ready to answer any inputs with the text that `generate` writes for them."""

from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.shapes import Prompt
from pipeline.inference.decoding import free_positions
from pipeline.inference.outputs import Writer
from pipeline.inference.settings import AnswerSettings
from pipeline.inference.tuned_prompts import load_on_device, worked_examples
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.limits import generation_settings
from pipeline.models.loading import count_parameters
from pipeline.models.prompts import encode_with_examples, fitting_examples
from pipeline.models.record_prompts import make_prompt
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template


class Predictor:
    """base: the folder of the base model. folder: what the run left, which may be a whole model.

    Of few_shot as many worked examples are used as fit before every prompt of test, as `generate` uses them.
    """

    def __init__(self, settings: AnswerSettings, base: Path, folder: Path) -> None:
        self.task, self.template, self.seed = settings.task, settings.template, settings.seed
        chat, generate = chat_settings(settings.model, settings.template), settings.generate
        self.model = load_on_device(base, folder, settings.model.architecture, chat, generate.merge)
        self.soft_ids = add_soft_tokens(self.model, settings.soft_tokens)
        parameters = count_parameters(base if base.is_dir() else folder)
        self.settings = generation_settings(generate, settings.limits, self.model.base_network.config, parameters)
        self.limit = settings.limits["max_source_tokens"]
        self.positions = free_positions(self.model, self.settings.max_new_tokens, "generate.max_new_tokens")
        self.positions = self.positions and self.positions - len(self.soft_ids)
        self.examples = chosen_examples(settings, folder, self.model, self.positions)

    def write(self, records: list[dict[str, Any]], label: str) -> list[str]:
        """An output for each record (id and the fields of the task), in order; `label` names their progress.

        Raises InputError where a prompt cannot be made or shortened.
        """
        rows = [prompt_of(one, self.task, self.template, self.seed, self.model) for one in records]
        prompts = [self.encode(row) for row in rows]
        written = Writer(self.model, rows, prompts, self.settings, self.limit).write(label)
        return [row["prediction"] for row in written.rows]

    def encode(self, row: dict[str, Any]) -> list[int]:
        """The ids of a prompt, with what the method puts before it."""
        ids = encode_with_examples(row, self.examples, self.model, self.limit, self.positions)
        return [*self.soft_ids, *ids]


def chosen_examples(
    settings: AnswerSettings, folder: Path, model: LanguageModel, positions: int | None
) -> list[dict[str, Any]]:
    """The worked examples that a run puts before every prompt: those that fit before each of test."""
    examples = worked_examples(folder)
    if not examples or not settings.test_prompts:
        return examples
    test = files.read_jsonl(settings.test_prompts, Prompt)
    return fitting_examples(test, examples, model, settings.limits["max_source_tokens"], positions)


def prompt_of(
    record: dict[str, Any], task: Task, template: Template, seed: int, model: LanguageModel
) -> dict[str, Any]:
    """The row of data/prompts of a record without references."""
    return make_prompt({**record, "references": [""]}, task, template, seed, model)


def add_soft_tokens(model: LanguageModel, tokens: tuple[str, ...]) -> list[int]:
    """The ids of soft tokens in the vocabulary; the model neither writes them nor reads them in a text."""
    if not tokens:
        return []
    ids, others = model.tokenizer.convert_tokens_to_ids(list(tokens)), model.generation_tokens
    model.control_tokens = (*model.control_tokens, *tokens)
    model.generation_tokens = lambda: {**others(), "suppress_tokens": ids}  # type: ignore[method-assign]
    return ids
