"""Bodies of requests as OpenAI's API has them, and what this server can do of it."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, Field

from pipeline.core.errors import InputError
from pipeline.core.messages import listed

Text = Annotated[str, Field(min_length=1)]
# What would give another answer than asked for if it were ignored: field, and the value that asks for nothing.
NOT_DONE: dict[str, tuple[Any, ...]] = {
    "temperature": (0, 0.0, 1),  # 1 is OpenAI's default, which clients send
    "n": (1,),
    "best_of": (1,),
    "logprobs": (False, 0),
    "top_logprobs": (0,),
    "echo": (False,),
    "suffix": ("",),
    "tools": ([],),
    "functions": ([],),
    "audio": (),
}


class StreamOptions(BaseModel):
    include_usage: bool = False


class Body(BaseModel, extra="allow"):
    """What both kinds of requests have.

    Ours: fields (further inputs of the task by name), input_id (draws the phrasing, as a record's id does), template
    (false: the text is the whole prompt), shorten (true: of a text that is too long the middle is left out).
    """

    model: Text
    max_tokens: Annotated[
        int | None, Field(ge=1, validation_alias=AliasChoices("max_completion_tokens", "max_tokens"))
    ] = None
    stop: Annotated[list[Text], Field(max_length=4)] | Text | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    response_format: dict[str, Any] | None = None
    fields: dict[str, str] = {}
    input_id: str = ""
    template: bool = True
    shorten: bool = False

    def texts(self) -> list[str]:
        """The inputs, each of which gets an answer."""
        raise NotImplementedError

    @property
    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    def check(self) -> None:
        """Raise InputError for what this server does not do."""
        extra = self.model_extra or {}
        for name, harmless in NOT_DONE.items():
            if extra.get(name) is not None and extra[name] not in harmless:
                raise InputError(
                    f"{name}={extra[name]!r}: not supported; a method answers with the search of `generate`, once"
                )
        if self.response_format and self.response_format.get("type") != "text":
            raise InputError("response_format: not supported; answers are plain text")


class CompletionBody(Body):
    """/v1/completions"""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=64)]

    def texts(self) -> list[str]:
        if isinstance(self.prompt, list) and self.stream and len(self.prompt) > 1:
            raise InputError("stream: of one prompt only")
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class Part(BaseModel):
    type: Literal["text"]
    text: str


class Message(BaseModel):
    role: str
    content: str | list[Part]


class ChatBody(Body):
    """/v1/chat/completions"""

    messages: Annotated[list[Message], Field(min_length=1)]

    def texts(self) -> list[str]:
        """The one message of the user: methods are tuned on single inputs, not on conversations."""
        others = [one.role for one in self.messages if one.role != "user"]
        if others or len(self.messages) > 1:
            raise InputError(
                f"messages: expected one message of the role user, found {listed([one.role for one in self.messages])}"
                "; a method is tuned on single inputs, and its instruction is the template's"
            )
        content = self.messages[0].content
        text = content if isinstance(content, str) else "\n".join(part.text for part in content)
        if not text:
            raise InputError("messages: the message is empty")
        return [text]


def cut(text: str, stops: list[str]) -> tuple[str, bool]:
    """The text before the first of these strings, and whether one was there."""
    found = [position for stop in stops if (position := text.find(stop)) >= 0]
    return (text[: min(found)], True) if found else (text, False)
