"""A method as it is served: how it reads a request and how its answer becomes text."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.inference.decoding import configure_decoding, free_positions
from pipeline.inference.predictor import chosen_examples, prompt_of
from pipeline.inference.settings import AnswerSettings
from pipeline.models.chat import chat_settings
from pipeline.models.limits import generation_settings
from pipeline.models.prompts import encode_row, encode_with_examples, prompt_row
from pipeline.models.tokenizer import decode, tags
from pipeline.parameters.task import Task
from pipeline.serving.mixed_batch import Row
from pipeline.serving.shared_base import SharedBase, Trained


class TooLong(InputError):
    """A text that the model cannot read as a whole, of a request that wants no other answer."""


@dataclass(frozen=True)
class Request:
    """An input: the fields of the method's task, or with `template` false a prompt as `source`.

    max_tokens: of the answer; None is the method's own. shorten: whether text may be left out of the middle of a source
    that is too long.
    """

    fields: dict[str, str]
    identity: str = ""
    template: bool = True
    shorten: bool = False
    max_tokens: int | None = None


@dataclass(frozen=True)
class Encoded:
    """The token ids of a request's prompt, and how many tokens of its source were left out."""

    row: Row
    text: str
    left_out: int


class ServedMethod:
    """settings: what the method was tuned and is answered with. parameters: of the base."""

    def __init__(
        self, name: str, base: SharedBase, trained: Trained, settings: AnswerSettings, folder: Path, parameters: int
    ) -> None:
        self.name, self.trained, self.settings, self.folder = name, trained, settings, folder
        self.model = base.speaker(trained, chat_settings(settings.model, settings.template))
        config, generate = self.model.base_network.config, settings.generate
        self.generate = generation_settings(generate, settings.limits, config, parameters)
        self.limit = settings.limits["max_source_tokens"]
        self.soft = 0 if trained.soft is None else len(trained.soft)
        self.positions = free_positions(self.model, self.generate.max_new_tokens, "generate.max_new_tokens", self.soft)
        self.examples = chosen_examples(settings, folder, self.model, self.positions)

    def new_tokens(self, request: Request) -> int:
        """The most tokens of the answer: what was asked for, within what the method writes."""
        return min(request.max_tokens or self.generate.max_new_tokens, self.generate.max_new_tokens)

    def encode(self, request: Request) -> Encoded:
        """The prompt of a request. Raises InputError where it cannot be made, TooLong where text would be left out."""
        source = self.settings.task.source
        fields = order_fields(self.settings.task)
        if missing := [field for field in fields if field not in request.fields and request.template]:
            raise InputError(f"{self.name} needs {', '.join(missing)}: its inputs are {', '.join(fields)}")
        if request.template:
            record, chosen = {"id": request.identity, **request.fields}, self.settings
            row = prompt_of(record, chosen.task, chosen.template, chosen.seed, self.model)
        else:
            text = request.fields[source]
            row = prompt_row(request.identity, text, "", text, self.model)
        left_out = encode_row(row, [], self.model, self.limit).truncated
        if left_out and not request.shorten:
            raise TooLong(
                f"the prompt has {self.limit + left_out} tokens, and {self.name} reads {self.limit}; with "
                "`shorten` true the middle is left out"
            )
        ids = encode_with_examples(row, self.examples, self.model, self.limit, self.positions)
        return Encoded(Row(ids, self.trained), row["source"], left_out)

    def decode(self, ids: list[int], source: str) -> str:
        """An answer as text; special tokens that are words of the source stay."""
        return decode(ids, self.model, tags(self.model, [source]))

    def config(self, new_tokens: int) -> Any:
        """transformers' GenerationConfig of the method's search."""
        return configure_decoding(self.model, replace(self.generate, max_new_tokens=new_tokens))

    def search(self, new_tokens: int) -> tuple[Any, ...]:
        """What rows of one batch have to have in common."""
        one = self.generate
        return (new_tokens, one.num_beams, one.no_repeat_ngram_size, one.length_penalty, one.precision)


def order_fields(task: Task) -> list[str]:
    """The fields of an input, the one that may be shortened first."""
    return [task.source, *(field for field in task.fields if field != task.source)]
