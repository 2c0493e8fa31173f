"""From jobs to responses: whole answers and streams, time-outs, clients that leave."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, Response, StreamingResponse

from pipeline.core.errors import InputError
from pipeline.serving.bodies import Body, cut
from pipeline.serving.engine import Closed, Engine, Job, QueueFull, Reply
from pipeline.serving.guards import Refusal
from pipeline.serving.openai_format import Shape
from pipeline.serving.served import TooLong

log = logging.getLogger("pipeline.serve")


async def whole(jobs: list[Job], body: Body, request: HttpRequest, shape: Shape) -> Response:
    """All answers at once. Where the client goes, or it takes too long, nobody waits for them any more."""
    state = request.app.state
    try:
        answers = asyncio.gather(*(asyncio.wrap_future(submit(state.engine, job)) for job in jobs))
        gone = asyncio.ensure_future(disconnected(request))
        waiting: set[asyncio.Future[Any]] = {answers, gone}
        await asyncio.wait(waiting, timeout=state.timeout, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not answers.done():
            answers.cancel()
            raise Refusal(504, f"no answer within {state.timeout:g} seconds", "timeout", 5)
        replies: list[Reply] = await explained(answers)
    finally:
        for job in jobs:
            job.abandoned = True
    for reply in replies:
        state.observer.answered(body.model, reply)
    if state.log_text:
        log.info("%s: %s", body.model, json.dumps([reply.text for reply in replies], ensure_ascii=False))
    return JSONResponse(shape.whole(body, replies))


async def streamed(jobs: list[Job], body: Body, request: HttpRequest, shape: Shape) -> Response:
    """Server-sent events, as the text grows; of a beam search, which knows its text at the end, one."""
    state, (job,) = request.app.state, jobs
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    job.on_text = lambda text: void(loop.call_soon_threadsafe(pieces.put_nowait, text))
    future = asyncio.wrap_future(submit(state.engine, job))
    future.add_done_callback(lambda _: pieces.put_nowait(None))
    try:  # what fails before the first piece is an error of the whole request
        first = await asyncio.wait_for(pieces.get(), state.timeout)
    except TimeoutError:
        job.abandoned = True
        raise Refusal(504, f"no answer within {state.timeout:g} seconds", "timeout", 5) from None
    if first is None:
        await explained(future)
    return StreamingResponse(events(job, first, pieces, future, body, state, shape), media_type="text/event-stream")


async def events(
    job: Job,
    piece: str | None,
    pieces: "asyncio.Queue[str | None]",
    future: "asyncio.Future[Reply]",
    body: Body,
    state: Any,
    shape: Shape,
) -> AsyncIterator[str]:
    """The lines of a stream: what a stop string may still be the beginning of is held back."""
    held = max((len(stop) - 1 for stop in body.stops), default=0)
    text, said, stopped = "", 0, False
    deadline = asyncio.get_running_loop().time() + state.timeout
    try:
        yield shape.event(body, "", first=True)
        while piece is not None and not stopped:
            text, stopped = cut(text + piece, body.stops)
            ready = len(text) if stopped else max(said, len(text) - held)
            if ready > said:
                yield shape.event(body, text[said:ready])
                said = ready
            if not stopped:
                left = deadline - asyncio.get_running_loop().time()
                piece = await asyncio.wait_for(pieces.get(), left)
        if text[said:]:
            yield shape.event(body, text[said:])
        reply = await future if not stopped else None
        yield shape.event(body, "", reason="stop" if reply is None or reply.ended else "length")
        if reply:
            state.observer.answered(body.model, reply)
            if body.stream_options and body.stream_options.include_usage:
                yield shape.usage_event(body, reply)
        yield "data: [DONE]\n\n"
    except Exception as error:  # the status was sent: the client is told in the stream
        message = f"no answer within {state.timeout:g} seconds" if isinstance(error, TimeoutError) else str(error)
        yield f"data: {json.dumps(Refusal(500, message, 'failed').body())}\n\n"
    finally:
        job.abandoned = True


def submit(engine: Engine, job: Job) -> Any:
    """Queue a job. Raises Refusal where there is no place."""
    try:
        return engine.submit(job)
    except QueueFull:
        raise Refusal(429, f"{engine.max_queue} requests wait already", "queue_full", 1) from None
    except Closed:
        raise closing() from None


async def explained(answers: Any) -> Any:
    """What is awaited; whatever the input causes as Refusal."""
    try:
        return await answers
    except TooLong as error:
        raise Refusal(400, str(error), "context_length_exceeded") from None
    except InputError as error:
        raise Refusal(400, str(error), "invalid_input") from None
    except Closed:
        raise closing() from None


async def disconnected(request: HttpRequest) -> None:
    """Return when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def void(_: Any) -> None:
    pass


def closing() -> Refusal:
    return Refusal(503, "the server is ending", "closing", 5)
