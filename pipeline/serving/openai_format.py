"""Answers as OpenAI's API writes them."""

import json
import time
import uuid
from typing import Any

from pipeline.serving.bodies import Body, cut
from pipeline.serving.engine import Reply


class Shape:
    """How OpenAI's API writes an answer: a completion or a chat completion, whole or in events."""

    def __init__(self, prefix: str, kind: str, chat: bool) -> None:
        self.kind, self.chat = kind, chat
        self.head = {"id": f"{prefix}-{uuid.uuid4().hex}", "created": int(time.time())}

    def whole(self, body: Body, replies: list[Reply]) -> dict[str, Any]:
        choices = []
        for number, reply in enumerate(replies):
            text, stopped = cut(reply.text, body.stops)
            content = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
            reason = "stop" if stopped or reply.ended else "length"
            choices.append({"index": number, **content, "finish_reason": reason, "logprobs": None})
        return {
            **self.head,
            "object": self.kind,
            "model": body.model,
            "choices": choices,
            "usage": usage(replies),
            "left_out_tokens": sum(reply.left_out for reply in replies),
        }

    def event(self, body: Body, text: str, first: bool = False, reason: str | None = None) -> str:
        if self.chat:
            content: dict[str, Any] = {"delta": {"role": "assistant", "content": ""} if first else {}}
            content["delta"] |= {"content": text} if text else {}
        else:
            content = {"text": text}
        choice = {"index": 0, **content, "finish_reason": reason, "logprobs": None}
        return self._line(body, [choice], {})

    def usage_event(self, body: Body, reply: Reply) -> str:
        return self._line(body, [], {"usage": usage([reply])})

    def _line(self, body: Body, choices: list[Any], more: dict[str, Any]) -> str:
        kind = "chat.completion.chunk" if self.chat else self.kind
        event = {**self.head, "object": kind, "model": body.model, "choices": choices, **more}
        return f"data: {json.dumps(event, ensure_ascii=False)}\n\n"


def usage(replies: list[Reply]) -> dict[str, int]:
    read, written = sum(one.prompt_tokens for one in replies), sum(one.new_tokens for one in replies)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
