"""Filling in a Jinja2 template that anybody may have written: in a sandbox, with limits on time, memory and size."""

import functools
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.sandbox import SandboxedEnvironment

from pipeline.core.limits import LimitExceeded, call_limited
from pipeline.core.text import half_character

MAX_CHARACTERS = 1_000_000  # of a filled template, beyond twice what its fields have
MAX_MESSAGE = 300


class TemplateFailure(Exception):
    """Why a template cannot be filled in, in one line."""


def fill(source: str, fields: dict[str, Any]) -> str:
    """The template with its fields filled in. Raises TemplateFailure."""
    try:
        text = call_limited(_fill, source, fields)
    except LimitExceeded as error:
        raise TemplateFailure(f"the template {error}") from None
    if (start := half_character(text)) is not None:
        raise TemplateFailure(f"the template writes half a character (U+{ord(text[start]):04X})")
    return text


def fill_many(sources: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """`fill` of each template with its fields, in one call, which is faster. Raises TemplateFailure of the first."""
    try:
        texts = call_limited(_fill_many, sources)
    except (LimitExceeded, TemplateFailure):  # one by one, each with the limits of one
        return [fill(source, fields) for source, fields in sources]
    return texts if all(half_character(text) is None for text in texts) else [fill(*source) for source in sources]


def _fill_many(sources: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [_fill(source, fields) for source, fields in sources]


def _fill(source: str, fields: dict[str, Any]) -> str:
    try:
        return _write(_compiled(source), fields)
    except UndefinedError as error:
        message = f"{error.message}; a template may use {', '.join(fields)}"
    except TemplateSyntaxError as error:
        message = f"line {error.lineno}: {error.message}"
    except TemplateError as error:
        message = str(error.message)
    except (MemoryError, TemplateFailure):
        raise
    except Exception as error:  # an expression in a template fails as Python does
        message = f"{type(error).__name__}: {error}"
    raise TemplateFailure(" ".join(message.split())[:MAX_MESSAGE])


def _write(template: Template, fields: dict[str, Any]) -> str:
    limit = MAX_CHARACTERS + 2 * sum(len(str(value)) for value in fields.values())
    pieces, size = [], 0
    for piece in template.generate(fields):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise TemplateFailure(f"the template writes more than {limit:,} characters")
    return "".join(pieces)


@functools.lru_cache(maxsize=64)
def _compiled(source: str) -> Template:
    environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
    del environment.filters["random"], environment.globals["lipsum"]  # the same prompt on every run
    return environment.from_string(source)
