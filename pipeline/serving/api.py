"""The HTTP interface: OpenAI's completions with a method as `model`, health, metrics, and a page to try methods on."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi import Request as HttpRequest
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from pipeline.core.errors import InputError
from pipeline.serving.answering import closing, streamed, whole
from pipeline.serving.bodies import Body, ChatBody, CompletionBody
from pipeline.serving.engine import Closed, Engine, Job
from pipeline.serving.guards import BodyLimit, Refusal, check_key
from pipeline.serving.observing import Observer
from pipeline.serving.openai_format import Shape
from pipeline.serving.registry import Registry, UnknownMethod
from pipeline.serving.served import Request, ServedMethod

log = logging.getLogger("pipeline.serve")
PAGE = Path(__file__).parent / "templates/page.html"
STYLE = Path(__file__).parent.parent / "reporting/templates/page.css"
LOOPBACK = ("127.0.0.1", "localhost")
open_router, router = APIRouter(), APIRouter(dependencies=[Depends(check_key)])


def make_app(
    registry: Registry,
    engine: Engine,
    *,
    key: str | None = None,
    timeout: float = 60.0,
    max_body: int = 10**6,
    log_text: bool = False,
    hosts: tuple[str, ...] = LOOPBACK,
) -> FastAPI:
    """The application. timeout: seconds to an answer. hosts: names that a request may call the server by; any if empty.

    Without the last a web page could ask a server on its reader's own machine, by a name that it lets point there.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(engine.close, timeout)

    app = FastAPI(title="Trained methods", docs_url=None, redoc_url=None, lifespan=lifespan)
    state = app.state
    state.registry, state.engine, state.observer, state.key = registry, engine, Observer(engine), key
    state.timeout, state.log_text = timeout, log_text
    app.include_router(open_router)
    app.include_router(router)
    app.add_exception_handler(Refusal, refuse)
    app.add_exception_handler(RequestValidationError, refuse_body)
    app.add_exception_handler(HTTPException, refuse_other)
    app.add_middleware(BodyLimit, most=max_body)
    if hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    return app


async def refuse(request: HttpRequest, error: Any) -> JSONResponse:
    headers = {"Retry-After": str(error.seconds)} if error.seconds else None
    return JSONResponse(error.body(), error.status, headers)


async def refuse_body(request: HttpRequest, error: Any) -> JSONResponse:
    first = error.errors()[0]
    _, *where = first["loc"]
    if first["type"] == "json_invalid":
        message = f"the body is not JSON from character {where[0]} on"
    elif not where:
        message = "expected a JSON object, sent as application/json"
    else:
        message = f"{where[0]}: {first['msg']}"
    request.app.state.observer.ended("unknown", 400)
    return await refuse(request, Refusal(400, message, "invalid_body"))


async def refuse_other(request: HttpRequest, error: Any) -> JSONResponse:
    return await refuse(request, Refusal(error.status_code, str(error.detail), "not_found"))


# Methods


async def find(state: Any, name: str) -> ServedMethod:
    """The method of a request, loaded between two batches if need be. Raises Refusal."""
    registry: Registry = state.registry
    try:
        if method := registry.unchanged(name):
            return method
        return await asyncio.wrap_future(state.engine.call(lambda: registry.get(name, state.engine.retire)))
    except UnknownMethod as error:
        raise Refusal(404, str(error), "model_not_found") from None
    except InputError as error:
        raise Refusal(503, str(error), "model_not_available", 5) from None
    except Closed:
        raise closing() from None


@router.get("/v1/models")
async def models(request: HttpRequest) -> dict[str, Any]:
    """What can be named as `model`: with the fields that its inputs have."""
    registry: Registry = request.app.state.registry
    return {"object": "list", "data": [{"object": "model", "owned_by": "local", **one} for one in registry.listing()]}


@router.get("/v1/models/{name}")
async def one_model(name: str, request: HttpRequest) -> dict[str, Any]:
    found = [one for one in (await models(request))["data"] if one["id"] == name]
    if not found:
        raise Refusal(404, f"no method {name!r}", "model_not_found")
    return dict(found[0])


# Answers


@router.post("/v1/completions")
async def completions(body: CompletionBody, request: HttpRequest) -> Response:
    return await answer(body, request, Shape("cmpl", "text_completion", chat=False))


@router.post("/v1/chat/completions")
async def chat_completions(body: ChatBody, request: HttpRequest) -> Response:
    return await answer(body, request, Shape("chatcmpl", "chat.completion", chat=True))


async def answer(body: Body, request: HttpRequest, shape: Shape) -> Response:
    """The answer to a request, which is counted and logged whatever comes of it."""
    state, begun, status, name = request.app.state, time.perf_counter(), 500, body.model
    try:
        try:
            body.check()
            texts = body.texts()
        except InputError as error:
            raise Refusal(400, str(error), "not_supported") from None
        method = await find(state, body.model)
        jobs = [Job(method, make_request(body, text, method)) for text in texts]
        response = await (streamed if body.stream else whole)(jobs, body, request, shape)
        status = response.status_code
        return response
    except Refusal as refusal:
        status = refusal.status
        name = "unknown" if refusal.code == "model_not_found" else name
        raise
    finally:
        state.observer.ended(name, status)
        said = f"; {json.dumps(body.model_dump(exclude_unset=True), ensure_ascii=False)}" if state.log_text else ""
        log.info("%s %d %.0f ms%s", name, status, 1000 * (time.perf_counter() - begun), said)


def make_request(body: Body, text: str, method: ServedMethod) -> Request:
    fields = {**body.fields, method.settings.task.source: text}
    return Request(fields, body.input_id, body.template, body.shorten, body.max_tokens)


# For machines and people


@open_router.get("/health")
async def health(request: HttpRequest) -> JSONResponse:
    """200 while requests are answered, else 503."""
    engine: Engine = request.app.state.engine
    well = engine.thread.is_alive() and not engine.closing
    return JSONResponse({"status": "ok" if well else "ending"}, 200 if well else 503)


@router.get("/metrics")
async def metrics(request: HttpRequest) -> Response:
    """For Prometheus."""
    return Response(request.app.state.observer.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/stats")
async def stats(request: HttpRequest) -> dict[str, Any]:
    """Milliseconds of each method's last requests, by percentiles."""
    return dict(request.app.state.observer.percentiles())


@open_router.get("/", response_class=HTMLResponse)
async def page(request: HttpRequest) -> HTMLResponse:
    """The page to try methods side by side. It asks for a key where the server has one."""
    return HTMLResponse(PAGE.read_text(encoding="utf-8").replace("/*STYLE*/", STYLE.read_text(encoding="utf-8")))
