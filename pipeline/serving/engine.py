"""Requests of many clients as batches of one process: a queue, and the thread that alone touches the models."""

import contextlib
import gc
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pipeline.inference.decoding import Answer
from pipeline.serving.listening import Listener, settled, stop_when
from pipeline.serving.mixed_batch import can_share, write
from pipeline.serving.served import Encoded, Request, ServedMethod
from pipeline.serving.shared_base import SharedBase, Trained

SHARE = 0.2  # of the time that the last batch took, how long the next waits for others
LONGER = 2.0  # the longest prompt of a batch, in lengths of its shortest: all rows are padded to it
T = TypeVar("T")


class QueueFull(Exception):
    """More requests wait than may."""


class Closed(Exception):
    """The server is ending, or has not begun."""


@dataclass(frozen=True)
class Reply:
    """An answer. seconds: from the request's arrival to its answer; batch: rows that were written together."""

    text: str
    prompt_tokens: int
    new_tokens: int
    ended: bool
    left_out: int
    waited: float
    seconds: float
    batch: int


@dataclass(frozen=True)
class Last:
    """The last batch of a network: requests that could have been in it, the seconds it took, and its end."""

    rows: int = 1
    seconds: float = 0.0
    ended: float = 0.0


@dataclass(eq=False)
class Job:
    """on_text: called with each further piece of the answer, in the engine's thread. abandoned: nobody waits for it."""

    method: ServedMethod
    request: Request
    on_text: Callable[[str], None] | None = None
    abandoned: bool = False
    said: str = ""
    encoded: Encoded | None = None
    future: "Future[Reply]" = field(default_factory=Future)
    arrived: float = field(default_factory=time.perf_counter)

    @property
    def new_tokens(self) -> int:
        return self.method.new_tokens(self.request)

    def say(self, text: str) -> None:
        """Give the client what this text has more than what it was given before."""
        if self.on_text and len(text) > len(self.said) and text.startswith(self.said):
            self.on_text(text[len(self.said) :])
            self.said = text

    @property
    def length(self) -> int:
        """Tokens that are read, once it is encoded."""
        return self.method.soft + len(self.encoded.row.ids) if self.encoded else 0

    def fits(self, other: "Job", architecture: str) -> bool:
        """Whether both can be in one batch. Both are encoded."""
        first, second = self.method, other.method
        if first.search(self.new_tokens) != second.search(other.new_tokens):
            return False
        if not self.length / LONGER <= other.length <= self.length * LONGER:
            return False
        return can_share(first.trained, second.trained, architecture, first.generate.no_repeat_ngram_size)


class Engine:
    """max_batch: rows of a batch. max_wait: seconds that the oldest request waits for others. max_queue: requests
    that wait at once.

    A batch begins as soon as as many requests wait for it as there were the last time, those included that did not fit:
    one client never waits, and the clients of the last batch, who need a moment to ask again, are in one batch again.
    """

    def __init__(self, base: SharedBase, max_batch: int = 32, max_wait: float = 0.25, max_queue: int = 256) -> None:
        self.base, self.max_batch, self.max_wait, self.max_queue = base, max_batch, max_wait, max_queue
        self.jobs: deque[Job] = deque()
        self.retired: list[Trained] = []
        self.errands: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self.changed = threading.Condition()
        self.closing = False
        self.last: dict[tuple[int, int], Last] = {}  # by the kind of requests
        self.on_batch: Callable[[list[Job]], None] = lambda jobs: None
        self.thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.thread.start()

    def submit(self, job: Job) -> "Future[Reply]":
        """Queue a request. Raises QueueFull or Closed."""
        with self.changed:
            if self.closing:
                raise Closed
            if len(self.jobs) >= self.max_queue:
                raise QueueFull
            self.jobs.append(job)
            self.changed.notify()
        return job.future

    def call(self, errand: Callable[[], T]) -> "Future[T]":
        """Run a function between two batches, in the thread that alone touches the models."""
        future: Future[T] = Future()
        with self.changed:
            if self.closing:
                raise Closed
            self.errands.append((errand, future))
            self.changed.notify()
        return future

    def retire(self, method: ServedMethod) -> None:
        """Give a method's memory back as soon as no request waits for it."""
        with self.changed:
            self.retired.append(method.trained)

    def close(self, timeout: float | None = None) -> None:
        """Answer what waits, then end. What is not answered within `timeout` seconds is told so."""
        with self.changed:
            self.closing = True
            self.changed.notify()
        self.thread.join(timeout)
        with self.changed:
            left, self.jobs = list(self.jobs), deque()
        for job in left:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(Closed())

    def _run(self) -> None:
        while True:
            with self.changed:
                self._forget_retired()
                while not (self.jobs or self.errands or self.closing):
                    self.changed.wait()
                if not self.jobs and not self.errands:
                    return
                errand = self.errands.popleft() if self.errands else None
            if errand:
                settle(errand[1], errand[0])
            else:
                self._answer(self._take_batch())

    def _take_batch(self) -> list[Job]:
        """The oldest request and those that can share its batch, when there are enough or it has waited long enough."""
        while True:
            self._encode_new()
            with self.changed:
                self._drop_abandoned()
                ready = [job for job in self.jobs if job.encoded]
                if not ready:
                    return []
                first, now = ready[0], time.perf_counter()
                fitting = [job for job in ready if first.fits(job, self.base.architecture)]
                chosen = fitting[: self.max_batch]
                last = self.last.get(self._kind(first), Last())
                left = max(first.arrived, last.ended) + min(self.max_wait, SHARE * last.seconds) - now
                enough = len(chosen) >= min(self.max_batch, last.rows)
                if enough or left <= 0 or self.closing or self.errands:
                    self.last[self._kind(first)] = Last(len(fitting))
                    taken = set(map(id, chosen))
                    self.jobs = deque(job for job in self.jobs if id(job) not in taken)
                    return chosen
                if len(ready) == len(self.jobs):
                    self.changed.wait(left)

    def _kind(self, job: Job) -> tuple[int, int]:
        """Requests of one kind are mostly in one batch: the network, and the length to a power of two."""
        return id(job.method.trained.network), job.length.bit_length()

    def _encode_new(self) -> None:
        """Encode what has come; a request that cannot be answered is told so at once."""
        with self.changed:
            new = [job for job in self.jobs if not job.encoded]
        for job in new:
            try:
                job.encoded = job.method.encode(job.request)
            except Exception as error:
                with self.changed:
                    self.jobs.remove(job)
                if job.future.set_running_or_notify_cancel():
                    job.future.set_exception(error)

    def _forget_retired(self) -> None:
        wanted = {id(job.method.trained) for job in self.jobs}
        for trained in [one for one in self.retired if id(one) not in wanted]:
            self.retired.remove(trained)
            self.base.forget(trained)

    def _drop_abandoned(self) -> None:
        for job in [job for job in self.jobs if job.abandoned]:
            self.jobs.remove(job)
            job.future.cancel()

    def _answer(self, taken: list[Job]) -> None:
        """Write the answers of a batch; an error ends its requests and not the thread."""
        begun = time.perf_counter()
        jobs = [job for job in taken if job.future.set_running_or_notify_cancel()]
        if not jobs:
            return
        encoded = [job.encoded for job in jobs if job.encoded]
        try:
            answers = self._write(jobs, encoded)
        except Exception as error:
            for job in jobs:
                job.future.set_exception(error)
            return
        ended = time.perf_counter()
        for job, one, answer in zip(jobs, encoded, answers):
            text = job.method.decode(answer.ids, one.text)
            job.say(text)
            reply = Reply(
                text=text,
                prompt_tokens=job.length,
                new_tokens=len(answer.ids),
                ended=answer.ended,
                left_out=one.left_out,
                waited=begun - job.arrived,
                seconds=ended - job.arrived,
                batch=len(jobs),
            )
            job.future.set_result(reply)
        kind = self._kind(taken[0])
        self.last[kind] = Last(self.last[kind].rows, ended - begun, ended)
        self.on_batch(jobs)

    def _write(self, jobs: list[Job], encoded: list[Encoded]) -> list[Answer]:
        first = jobs[0]
        config = first.method.config(first.new_tokens)
        listeners: dict[str, Any] = {"stopping_criteria": stop_when(lambda: all(job.abandoned for job in jobs))}
        if config.num_beams == 1 and any(job.on_text for job in jobs):

            def speak(number: int, ids: list[int]) -> None:
                if jobs[number].on_text:
                    jobs[number].say(settled(jobs[number].method.decode(ids, encoded[number].text)))

            listeners["streamer"] = Listener(len(jobs), set(config.eos_token_id), speak)
        rows = [one.row for one in encoded]
        return write(self.base, rows, config, first.method.generate.precision, listeners)


def settle(future: "Future[Any]", function: Callable[[], Any]) -> None:
    """Give a future what a function returns or raises."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function())
    except Exception as error:
        future.set_exception(error)
    with contextlib.suppress(Exception):
        gc.collect()
