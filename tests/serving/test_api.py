"""The HTTP interface, asked by OpenAI's own client and by clients that do wrong."""

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest
import yaml

from pipeline.models.tuned import save_tuned
from tests import tiny
from tests.serving.conftest import SEEDS_OF, expected
from tests.systems import RECORDS

CALL = RECORDS[0]["dialogue"]
USER = [{"role": "user", "content": CALL}]


@pytest.fixture
def architecture(request) -> str:
    """One of them for most tests: the interface is the same."""
    return getattr(request, "param", "seq2seq")


BOTH = pytest.mark.parametrize("architecture", ["seq2seq", "causal"], indirect=True)


def change_params(change) -> None:
    values = yaml.safe_load(Path("params.yaml").read_text())
    change(values)
    Path("params.yaml").write_text(yaml.safe_dump(values))


def test_openai_s_client_gets_completions_and_chats(server, project):
    api = server().api
    wanted = expected(project, "lora-1", RECORDS[:2])
    more = {"input_id": RECORDS[0]["id"]}
    whole = api.completions.create(model="lora", prompt=CALL, extra_body=more)
    assert whole.choices[0].text == wanted[0] and whole.model == "lora"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    chat = api.chat.completions.create(model="lora", messages=USER, extra_body=more)
    assert chat.choices[0].message.content == wanted[0] and chat.choices[0].message.role == "assistant"
    both = api.completions.create(model="lora", prompt=[CALL, RECORDS[1]["dialogue"]])
    assert [choice.text for choice in both.choices] == wanted
    assert {"lora", "lora-2", "zero_shot"} <= {one.id for one in api.models.list()}
    assert api.models.retrieve("lora").fields == ["dialogue"]


@BOTH
def test_a_stream_says_what_the_whole_answer_says(server, architecture):
    served = server()
    change_params(lambda values: values["generate"].update(num_beams=1, max_new_tokens=24))  # one beam: it grows
    for name in ("full", "lora-2", "prompt_tuning", "zero_shot"):  # loaded from now on
        whole = served.api.chat.completions.create(model=name, messages=USER).choices[0].message.content
        options = {"stream": True, "stream_options": {"include_usage": True}}
        events = list(served.api.chat.completions.create(model=name, messages=USER, **options))
        pieces = [event.choices[0].delta.content or "" for event in events if event.choices]
        assert "".join(pieces) == whole and events[-1].usage.completion_tokens > 0
        plain = served.api.completions.create(model=name, prompt=CALL, stream=True)
        assert "".join(event.choices[0].text for event in plain) == whole
        if " " in whole[5:-5]:
            assert sum(map(bool, pieces)) > 1


def test_a_stream_of_beams_comes_as_one(server):
    api = server().api
    events = list(api.completions.create(model="lora", prompt=CALL, stream=True))
    texts = [event.choices[0].text for event in events]
    assert "".join(texts) == api.completions.create(model="lora", prompt=CALL).choices[0].text
    assert sum(map(bool, texts)) <= 1 and events[-1].choices[0].finish_reason in ("stop", "length")


def test_fewer_tokens_and_stop_strings(server):
    api = server().api
    whole = api.completions.create(model="full", prompt=CALL).choices[0].text
    short = api.completions.create(model="full", prompt=CALL, max_tokens=2)
    assert short.usage.completion_tokens <= 2 and short.choices[0].finish_reason in ("stop", "length")
    many = api.completions.create(model="full", prompt=CALL, max_tokens=10**6)
    assert many.choices[0].text == whole
    stop = whole[2:4]
    cut = api.completions.create(model="full", prompt=CALL, stop=stop).choices[0]
    assert cut.text == whole[: whole.index(stop)] and cut.finish_reason == "stop"
    pieces = api.completions.create(model="full", prompt=CALL, stop=[stop], stream=True)
    assert "".join(event.choices[0].text for event in pieces) == cut.text


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"model": "nix", "prompt": "a"}, 404, "no method 'nix'; there are zero_shot, "),
        ({"model": "lora", "prompt": ""}, 400, "prompt: "),
        ({"prompt": "a"}, 400, "model: Field required"),
        ({"model": "lora", "prompt": "a", "temperature": 0.5}, 400, "temperature=0.5: not supported"),
        ({"model": "lora", "prompt": "a", "n": 2}, 400, "n=2"),
        ({"model": "lora", "prompt": "a", "max_tokens": 0}, 400, "max_tokens"),
        ({"model": "lora", "prompt": "word " * 3000}, 400, "the middle is left out"),
        ({"model": "lora", "prompt": ["a", "b"], "stream": True}, 400, "one prompt"),
        ({"model": "lora", "prompt": "x" * 2_000_000}, 413, "more than 1,000,000 bytes"),
        ("a text", 400, "expected a JSON object"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(server, body, status, said):
    answer = server().post(body)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_a_body_in_chunks_is_bounded_too(server):
    chunks = (b"x" * 100_000 for _ in range(20))
    headers = {"Content-Type": "application/json"}
    assert httpx.post(f"{server().address}/v1/completions", content=chunks, headers=headers).status_code == 413


def test_conversations_are_refused(server):
    served = server()
    turns = [{"role": "system", "content": "Be brief."}, *USER]
    answer = served.post({"model": "lora", "messages": turns}, "/v1/chat/completions")
    assert answer.status_code == 400 and "found system, user" in answer.json()["error"]["message"]


def test_a_broken_body_and_another_kind_of_body(server):
    served = server()
    for content, kind in ((b'{"model": "lo', "application/json"), (b'{"model": "lora", "prompt": "a"}', "text/plain")):
        headers = {"Content-Type": kind}
        answer = httpx.post(f"{served.address}/v1/completions", content=content, headers=headers)
        assert answer.status_code == 400 and "JSON" in answer.json()["error"]["message"]


def test_a_long_text_is_shortened_where_that_is_asked_for(server, project):
    served = server()
    long = {"id": "long", "dialogue": "#A: Where is my parcel? #B: It is on its way.\n" * 200}
    body = {"model": "lora", "prompt": long["dialogue"], "input_id": "long", "shorten": True}
    answer = served.post(body).json()
    assert answer["choices"][0]["text"] == expected(project, "lora-1", [long])[0]
    assert answer["left_out_tokens"] > 1000


def test_another_name_of_the_machine_is_refused(server):
    """A web page can let a name of its own point to its reader's machine."""
    assert httpx.get(f"{server().address}/v1/models", headers={"Host": "example.org"}).status_code == 400


def test_a_key_is_asked_for(server):
    served = server(key="secret")
    assert served.post({"model": "lora", "prompt": "a"}).status_code == 401
    for path in ("/v1/models", "/metrics", "/stats"):
        assert httpx.get(served.address + path).status_code == 401
    with pytest.raises(openai.AuthenticationError):
        served.api.models.list()
    assert served.api.with_options(api_key="secret").models.list().data
    for path in ("/", "/health"):  # the page asks for it
        assert httpx.get(served.address + path).status_code == 200


def test_a_full_queue_answers_429_and_recovers(server):
    served = server(engine={"max_queue": 2})
    held = threading.Event()
    served.engine.call(held.wait)
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(served.post, {"model": "zero_shot", "prompt": CALL}) for _ in range(6)]
        time.sleep(0.5)
        held.set()
        statuses = sorted(one.result().status_code for one in waiting)
    assert set(statuses) <= {200, 429} and statuses.count(200) >= 2
    assert served.post({"model": "zero_shot", "prompt": CALL}).status_code == 200


def test_an_answer_that_takes_too_long_is_given_up(server):
    served = server(timeout=0.5)
    served.post({"model": "lora", "prompt": CALL})  # loads it
    held = threading.Event()
    served.engine.call(held.wait)
    answer = served.post({"model": "lora", "prompt": CALL})
    streamed = served.post({"model": "lora", "prompt": CALL, "stream": True})
    assert answer.status_code == streamed.status_code == 504 and "0.5 seconds" in answer.json()["error"]["message"]
    held.set()
    assert served.post({"model": "lora", "prompt": CALL}).status_code == 200
    assert not served.engine.jobs


def test_a_client_that_goes_leaves_no_work(server):
    served = server()
    served.post({"model": "lora", "prompt": CALL})
    held = threading.Event()
    served.engine.call(held.wait)
    body = json.dumps({"model": "lora", "prompt": CALL}).encode()
    for stream in (False, True):
        sent = body if not stream else json.dumps({"model": "lora", "prompt": CALL, "stream": True}).encode()
        with socket.create_connection(("127.0.0.1", int(served.address.rpartition(":")[2]))) as client:
            head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            client.sendall(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
            time.sleep(0.3)
    deadline = time.time() + 10
    while not all(job.abandoned for job in served.engine.jobs) and time.time() < deadline:
        time.sleep(0.05)
    waiting = list(served.engine.jobs)
    assert waiting and waiting[0].abandoned
    held.set()
    assert served.post({"model": "lora", "prompt": CALL}).status_code == 200
    assert not served.engine.jobs


def test_a_newly_trained_run_is_served_without_a_restart(server, project, base, architecture):
    served = server()
    assert served.post({"model": "lora-3", "prompt": CALL}).status_code == 404
    save_tuned(tiny.adapted("lora", base, architecture, r=3), project.tuned_model("lora-3"))
    change_params(lambda values: values["seeds_of"].update(lora=[1, 2, 3]))
    assert served.ask("lora-3", RECORDS[1]) == expected(project, "lora-3", RECORDS[1:2])[0]
    assert "lora-3" in {one.id for one in served.api.models.list()}


@pytest.mark.slow
@BOTH
def test_requests_of_all_methods_at_once_are_answered_as_by_generate(server, project):
    """1,000 requests of 16 clients, some of them in one batch."""
    served = server()
    runs = {name: f"{name}-1" if seeds else name for name, seeds in SEEDS_OF.items()} | {"lora-2": "lora-2"}
    wanted = {name: expected(project, run, RECORDS) for name, run in runs.items()}
    work = [(list(runs)[number % len(runs)], number % len(RECORDS)) for number in range(1000)]
    wrong = []

    async def client(session: httpx.AsyncClient) -> None:
        while work:
            name, number = work.pop()
            row = RECORDS[number]
            body = {"model": name, "prompt": row["dialogue"], "input_id": row["id"], "shorten": True}
            answer = await session.post(f"{served.address}/v1/completions", json=body)
            if answer.json()["choices"][0]["text"] != wanted[name][number]:
                wrong.append((name, number))

    async def clients() -> None:
        async with httpx.AsyncClient(timeout=120) as session:
            await asyncio.gather(*(client(session) for _ in range(16)))

    asyncio.run(clients())
    assert not wrong
    counted = httpx.get(f"{served.address}/metrics").text
    values = dict(line.rsplit(" ", 1) for line in counted.splitlines() if not line.startswith("#"))
    assert sum(float(value) for name, value in values.items() if name.startswith("serve_requests_total")) == 1000
    assert float(values["serve_mixed_batches_total"]) > 10
    assert float(values["serve_batch_rows_sum"]) / float(values["serve_batch_rows_count"]) > 1.5
    shown = httpx.get(f"{served.address}/stats").json()
    assert shown["lora"]["requests"] == sum(number % len(runs) == list(runs).index("lora") for number in range(1000))
    assert 0 < shown["lora"]["p50_ms"] <= shown["lora"]["p95_ms"] <= shown["lora"]["p99_ms"]


def test_what_was_begun_is_answered_before_the_end(server):
    served = server()
    served.post({"model": "lora", "prompt": CALL})
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(served.post, {"model": "lora", "prompt": CALL}) for _ in range(4)]
        while not served.engine.jobs and not all(one.done() for one in waiting):
            time.sleep(0.001)
        served.stop()
        statuses = {one.result().status_code for one in waiting if not one.exception()}
    assert statuses <= {200, 503} and 200 in statuses
    assert not served.engine.thread.is_alive()


def test_texts_are_in_the_log_only_where_that_is_asked_for(server, caplog):
    caplog.set_level("INFO", logger="pipeline.serve")
    server().post({"model": "lora", "prompt": CALL})
    assert "lora 200" in caplog.text and CALL[:20] not in caplog.text
    server(log_text=True).post({"model": "lora", "prompt": CALL})
    assert json.dumps(CALL[:20])[1:-1] in caplog.text
