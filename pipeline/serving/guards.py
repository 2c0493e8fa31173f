"""What stands before every request: a bound on its size, and a key where one is asked for."""

import hmac
from typing import Any

from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse

Scope = dict[str, Any]


class Refusal(Exception):
    """An answer that is an error, as OpenAI's API words them. seconds: after which to try again."""

    def __init__(self, status: int, message: str, code: str, seconds: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.seconds = status, message, code, seconds

    def body(self) -> dict[str, Any]:
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": None, "code": self.code}}


class BodyLimit:
    """ASGI middleware: a request whose body has more than `most` bytes is answered with 413, and not read further."""

    def __init__(self, app: Any, most: int) -> None:
        self.app, self.most = app, most
        self.refusal = Refusal(413, f"the request has more than {most:,} bytes", "request_too_large")

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        response = JSONResponse(self.refusal.body(), self.refusal.status)
        size = dict(scope.get("headers", [])).get(b"content-length", b"0")
        if size.isdigit() and int(size) > self.most:
            await response(scope, receive, send)
            return
        read = 0

        async def counted() -> dict[str, Any]:
            nonlocal read
            message: dict[str, Any] = await receive()
            read += len(message.get("body", b""))
            if read > self.most:  # of a body sent in chunks, whose size no header tells
                raise self.refusal
            return message

        async def answered(message: dict[str, Any]) -> None:
            if read <= self.most:
                await send(message)
            elif message["type"] == "http.response.start":  # instead of what was made of the error above
                await response(scope, receive, send)

        await self.app(scope, counted, answered)


def check_key(request: HttpRequest) -> None:
    """Raise Refusal where the server has a key and the request does not give it."""
    key = request.app.state.key
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if key and not (kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), key.encode())):
        raise Refusal(401, "this server needs an API key, as `Authorization: Bearer KEY`", "invalid_api_key")
