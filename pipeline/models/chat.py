"""Conversations as a tokenizer's own chat template writes them.

The template is a program that comes with the model. It runs in a sandbox, with a fixed date instead of today's, so that
the same records give the same bytes on any day. Source: the environment that transformers documents for writers of chat
templates (transformers.utils.chat_template_utils, whose own date can't be set).
"""

import json
import random
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipeline.core.errors import InputError
from pipeline.core.limits import LimitExceeded, call_limited
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template

Turn = dict[str, str]  # role (user or assistant) and content


@dataclass(frozen=True)
class Chat:
    """What a chat template is given beside the turns.

    arguments: names and values that the template knows, for instance {"enable_thinking": False}; `chat_template` among
    them names one of several templates. date: today, as YYYY-MM-DD.
    """

    arguments: dict[str, Any]
    date: str


def chat_settings(model: Model, template: Template) -> Chat | None:
    """None for a model whose prompts are plain text."""
    return Chat(template.chat_template_kwargs, template.date) if model.chat else None


def render(tokenizer: Any, turns: list[Turn], chat: Chat) -> str:
    """The text of a conversation, up to where the model's next turn begins.

    The contents go in as texts. Where the template then loses one of them, because it expects a list of parts, they go
    in as parts. Raises InputError for a template that fails, or that gives the text of a turn neither way.
    """
    source = template_source(tokenizer, chat)
    given = {key: value for key, value in chat.arguments.items() if key != "chat_template"}
    known = {**tokenizer.special_tokens_map, "tools": None, "documents": None, "add_generation_prompt": True, **given}
    parts = [{"role": turn["role"], "content": [{"type": "text", "text": turn["content"]}]} for turn in turns]
    errors = []
    for conversation in (turns, parts):
        try:
            text = fill(source, chat.date, {**known, "messages": conversation})
        except InputError as error:
            errors.append(error)
            continue
        if all(holds(text, turn["content"]) for turn in turns):
            return text
        errors.append(
            InputError(
                "the model's chat template drops or changes the text that it is given, so the model would not read it; "
                "use model.chat=false, or another chat_template.jinja in the model's folder"
            )
        )
    raise errors[0]


def fill(source: str, day: str, values: dict[str, Any]) -> str:
    """A chat template filled in, with limits on time and memory. Raises InputError where it fails."""
    try:
        return call_limited(_fill, source, day, values)
    except LimitExceeded as error:
        raise InputError(f"the model's chat template {error}") from None


def _fill(source: str, day: str, values: dict[str, Any]) -> str:
    random.seed(0)  # of this process, for templates that draw
    try:
        return compile_template(source, day).render(values)
    except (MemoryError, InputError):
        raise
    except Exception as error:  # an expression in a template fails as Python does
        kind = "" if isinstance(error, TemplateError) else f"{type(error).__name__}: "
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"the model's chat template fails: {kind}{reason} (template.chat_template_kwargs)") from None


def holds(text: str, content: str) -> bool:
    """Whether a text has all of a content in it, whatever its white space."""
    return "".join(content.split()) in "".join(text.split())


def template_source(tokenizer: Any, chat: Chat) -> str:
    """The tokenizer's chat template, by the name in `chat_template` where there are several."""
    templates = tokenizer.chat_template
    if not templates:
        raise InputError("model.chat=true, but the model's tokenizer has no chat template")
    if isinstance(templates, str):
        return templates
    name = chat.arguments.get("chat_template", "default")
    if name not in templates:
        raise InputError(
            f"the model has the chat templates {', '.join(sorted(templates))} and none that is called {name!r}: "
            "name one, -S +template.chat_template_kwargs.chat_template=NAME"
        )
    return templates[name]


@cache
def compile_template(source: str, day: str) -> Any:
    """A chat template of Jinja; a template's own `strftime_now` gives `day`. Raises InputError where it is broken."""

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **options)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = date.fromisoformat(day).strftime
    try:
        return environment.from_string(source)
    except TemplateSyntaxError as error:
        raise InputError(f"the model's chat template is broken at line {error.lineno}: {error.message}") from None


class Generation(Extension):
    """`{% generation %}` marks what the model wrote; here it changes nothing."""

    tags = {"generation"}  # noqa: RUF012, as Jinja declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)
