"""The command: workers of one address, what it refuses, and its end."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from pipeline import serve
from pipeline.core.cores import available_cores
from pipeline.core.errors import InputError
from pipeline.serving.observing import quantile
from pipeline.serving.workers import SMALL, choose_workers
from tests import tiny
from tests.serving.conftest import expected
from tests.systems import RECORDS


@pytest.fixture
def architecture() -> str:
    return "seq2seq"


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """The command's process and its address."""
    command = [sys.executable, "-m", "pipeline.serve", "--port", "0", *arguments]
    environment = {"PYTHONPATH": str(tiny.ROOT)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )
    return process, process.stdout.readline().split()[0]


def wait_for(address: str) -> None:
    for _ in range(600):
        try:
            httpx.get(f"{address}/health").raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError("no answer")


@pytest.mark.slow
def test_workers_share_an_address_are_replaced_and_end_together(project):
    process, address = start("zero_shot,lora", "--workers", "2")
    try:
        wait_for(address)
        wanted = expected(project, "lora-1", RECORDS[:1])[0]
        body = {"model": "lora", "prompt": RECORDS[0]["dialogue"], "input_id": RECORDS[0]["id"]}
        for _ in range(8):  # each a new connection, to one of the workers
            assert httpx.post(f"{address}/v1/completions", json=body, timeout=60).json()["choices"][0]["text"] == wanted
        assert httpx.get(f"{address}/stats").json()["lora"]["requests"] == 8
        children = tiny.children(process.pid)
        assert len(children) == 2
        children[0].kill()
        deadline = time.time() + 60
        while len(tiny.children(process.pid)) < 2 or children[0] in tiny.children(process.pid):
            assert time.time() < deadline
            time.sleep(0.1)
        wait_for(address)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert "a worker ended with exit code -9" in process.stderr.read()
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.mark.slow
def test_a_worker_that_cannot_begin_ends_the_command(project):
    (project.tuned_model("lora-1") / "adapter_model.safetensors").write_bytes(b"nothing")
    process, _ = start("lora", "--workers", "2")
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 1 and "lora-1" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "give them a key"),
        (["lora,nix"], "no trained method 'nix'; there are zero_shot, "),
        (["--folder", "nowhere"], "nowhere: no such folder"),
        (["--host", "192.0.2.1", "--api-key-file", "key"], "192.0.2.1 --port 8000: "),
        (["--api-key-file", "nokey"], "nokey"),
        (["--api-key-file", "empty"], "empty is empty"),
    ],
)
def test_what_cannot_be_served_is_told_at_once(project, monkeypatch, arguments, said):
    project.root.joinpath("key").write_text("secret\n")
    project.root.joinpath("empty").write_text("\n")
    monkeypatch.setattr(sys, "argv", ["serve", *arguments])
    with pytest.raises(InputError, match=said):
        serve.main()


def test_an_address_that_is_taken_is_refused():
    with serve.reserve("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with serve.listen("127.0.0.1", port), pytest.raises(InputError, match="in use"):
            serve.reserve("127.0.0.1", port)


def test_small_models_get_a_worker_for_each_core():
    assert choose_workers(SMALL, "cpu") == min(4, available_cores())
    assert choose_workers(SMALL + 1, "cpu") == choose_workers(SMALL, "cuda") == 1


def test_percentiles_of_a_histogram():
    buckets = [(1.0, 10.0), (2.0, 30.0), (float("inf"), 40.0)]
    assert quantile(buckets, 0.25) == 1.0 and quantile(buckets, 0.5) == 1.5 and quantile(buckets, 0.99) == 2.0
