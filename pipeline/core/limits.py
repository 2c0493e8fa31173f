"""Calling what a stranger wrote (a template of a prompt or of a model) with limits on time and memory.

The call runs in a forked process, because only another process can be stopped in the middle of 9**9**9 or of copying
10 GB. The process stays for the next calls; one of them costs a tenth of a millisecond.
"""

import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

SECONDS = 5  # of computing, however busy the machine is; a prompt takes a thousandth of one
MEBIBYTES = 512  # above what the process holds before the call

T = TypeVar("T")


class LimitExceeded(Exception):
    """A call took more time or memory than it may. The message goes on from the name of what was called."""


def call_limited(function: Callable[..., T], *arguments: Any) -> T:
    """function(*arguments), in another process. All three, and what is raised, must be picklable.

    Raises LimitExceeded after SECONDS of computing or with MEBIBYTES of memory, else what the function raises.
    """
    with _lock:
        worker = _Worker.current()
        try:
            worker.connection.send((function, arguments))
            returned, value = worker.connection.recv()
        except (EOFError, ConnectionError):
            raise LimitExceeded(worker.end()) from None
        except BaseException:
            worker.end()
            raise
    if not returned:
        raise value
    return value


class _Worker:
    """The process that serves calls; started with the first one, and again after a call that ended it."""

    _current: "_Worker | None" = None

    def __init__(self) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.owner = os.getpid()
        self.process = context.Process(target=_serve, args=(theirs, self.connection), daemon=True)
        self.process.start()
        theirs.close()

    @classmethod
    def current(cls) -> "_Worker":
        if cls._current is None or cls._current.owner != os.getpid():  # a forked process has its parent's
            cls._current = cls()
        return cls._current

    def end(self) -> str:
        """End the process, if it has not ended itself. Returns what it ended of."""
        type(self)._current = None
        self.connection.close()
        self.process.kill()
        self.process.join()
        code = -(self.process.exitcode or 0)
        if code == signal.SIGPROF:
            return f"takes more than {SECONDS} seconds"
        return f"ends its process ({signal.Signals(code).name if code > 0 else f'exit code {-code}'})"


_lock = threading.Lock()


def _serve(connection: Connection, parents: Connection) -> None:
    """Answer calls until the other end is closed."""
    parents.close()  # or this end would never be told that the other one is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, it is for the parent
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process at once
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send(_answer(function, arguments))
        except Exception as error:  # too large, or an exception that cannot be pickled
            connection.send((False, LimitExceeded(f"gives nothing that can be passed on ({type(error).__name__})")))


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """Whether the function returned, and what it returned or raised."""
    _limit_memory(MEBIBYTES * 2**20)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return True, function(*arguments)
    except MemoryError:
        return False, LimitExceeded(f"needs more than {MEBIBYTES} MiB of memory")
    except Exception as error:
        return False, error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory(more: int) -> None:
    """Let the process have so many bytes more than now. Where its size is not known (macOS) there is no limit."""
    size = Path("/proc/self/statm")
    if size.exists():
        pages = int(size.read_text().split()[0])
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, hard))
