"""Calls with limits: what they return and raise, and what ends them."""

import os
import signal
import threading
import time

import pytest

from pipeline.core import limits
from pipeline.core.errors import InputError
from pipeline.core.limits import LimitExceeded, call_limited


def add(one, other):
    return one + other


def refuse(message):
    raise InputError(message)


def fill(mebibytes):
    return len(bytearray(mebibytes * 2**20))


def spin():
    while True:
        pass


def end(signal_number):
    os.kill(os.getpid(), signal_number)


def give_a_function():
    return lambda: None


def test_a_call_gives_what_the_function_returns_or_raises():
    assert call_limited(add, 1, 2) == 3
    with pytest.raises(InputError, match="no such thing"):
        call_limited(refuse, "no such thing")
    with pytest.raises(TypeError):
        call_limited(add, 1, "2")


def test_calls_of_threads_and_of_forked_processes_do_not_mix():
    results = []
    threads = [threading.Thread(target=lambda n=n: results.append(call_limited(add, n, n))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [2 * number for number in range(20)]
    if (child := os.fork()) == 0:
        os._exit(call_limited(add, 3, 4))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert call_limited(add, 5, 6) == 11


def test_memory_is_limited_above_what_the_process_has():
    assert call_limited(fill, 100) == 100 * 2**20
    with pytest.raises(LimitExceeded, match="needs more than 512 MiB of memory"):
        call_limited(fill, 1000)


def test_time_is_limited_and_off_the_main_thread_too(monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.2)
    monkeypatch.setattr(limits._Worker, "_current", None)
    for _ in range(2):
        with pytest.raises(LimitExceeded, match=r"takes more than 0\.2 seconds"):
            call_limited(spin)
    caught = []

    def call():
        try:
            call_limited(spin)
        except LimitExceeded as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert len(caught) == 1
    assert call_limited(add, 1, 1) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_dies_is_named_by_its_signal(number):
    with pytest.raises(LimitExceeded, match=rf"ends its process \({number.name}\)"):
        call_limited(end, number)
    assert call_limited(add, 1, 1) == 2


def test_what_cannot_be_passed_on_is_said():
    with pytest.raises(LimitExceeded, match="gives nothing that can be passed on"):
        call_limited(give_a_function)
    assert call_limited(add, 1, 1) == 2


def test_the_process_ends_with_its_owner():
    reader, writer = os.pipe()
    if (owner := os.fork()) == 0:
        call_limited(add, 1, 1)
        os.write(writer, str(limits._Worker.current().process.pid).encode())
        os._exit(0)  # as after a signal: nothing is tidied up
    os.waitpid(owner, 0)
    worker = int(os.read(reader, 20))
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{worker}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{worker}")
