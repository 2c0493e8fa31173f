"""Several processes for one stage: a launcher of the environment starts them, and they end with one message.

    LAUNCHER="torchrun --nproc-per-node 4" dvc repro

A stage that can share its work starts `torchrun --nproc-per-node 4 -m pipeline.train lora-17` instead of working
itself, and waits. DVC sees one process. What the launcher's processes write to their standard error is kept back:
torchrun prints a page about every process that failed, and each process would print the same refusal. Each reports how
it ended in a line of that stream, and the stage prints one of these reports.
"""

import atexit
import contextlib
import ctypes
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

from pipeline.core.errors import InputError

LAUNCHER = "LAUNCHER"
LAUNCHED = "PIPELINE_LAUNCHED"  # set for what a stage's launcher starts
REPORT = "report of a process: "  # begins a line of standard error; JSON follows
STARTED, DONE, REFUSED, CRASHED = "started", "done", "refused", "crashed"


def launcher() -> list[str]:
    """The words of LAUNCHER; none where it is not set, and in the processes that it has started."""
    if LAUNCHED in os.environ or is_rank():
        return []
    try:
        return shlex.split(os.environ.get(LAUNCHER, ""))
    except ValueError as error:
        raise InputError(f"{LAUNCHER}={os.environ[LAUNCHER]!r}: {error}") from None


def is_rank() -> bool:
    """Whether this process is one of several that torchrun, or a launcher with its environment, has started."""
    return {"RANK", "LOCAL_RANK", "WORLD_SIZE"} <= os.environ.keys()


def launch(words: list[str], module: str, arguments: list[str]) -> int:
    """Run a module in the launcher's processes; returns the exit code, after one message where they failed.

    Raises InputError where the launcher is not there or starts no Python module.
    """
    shown = f"{LAUNCHER}={shlex.join(words)!r}"
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                [*words, "-m", module, *arguments],
                stderr=errors,
                env=os.environ | {LAUNCHED: "1"},
                preexec_fn=end_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InputError(f"{shown}: cannot start {words[0]!r}: {reason}") from None
        with _passing_on_signals(process):
            code = process.wait()
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    reports = _read_reports(text)
    ends = [report["end"] for report in reports]
    if STARTED not in ends or (code == 0 and DONE not in ends):
        lines = [line for line in text.splitlines() if line.strip() and not set(line) <= set("=- ")]
        reason = f" ({lines[-1].strip()[:300]})" if lines else ""
        raise InputError(
            f"{shown}: it ended with code {code} without running `-m {module}`{reason}; expected a program that starts "
            "Python modules, such as 'torchrun --nproc-per-node 2'"
        )
    if code:
        print(_message(reports, text, module), file=sys.stderr)
    return code and 1


def _read_reports(text: str) -> list[dict[str, Any]]:
    """The reports in what was written to standard error, in their order; a launcher may put something before each."""
    reports = []
    for line in text.splitlines():
        _, found, report = line.partition(REPORT)
        if found:
            with contextlib.suppress(ValueError):  # cut short by a kill
                reports.append(json.loads(report))
    return reports


def _message(reports: list[dict[str, Any]], text: str, module: str) -> str:
    """Why the processes failed: a refusal, else a kill, else the first crash; others lose their connection to it."""
    refusals = [report["text"].rstrip() for report in reports if report["end"] == REFUSED]
    if refusals:
        return refusals[0]
    crashes = [report["text"].rstrip() for report in reports if report["end"] == CRASHED]
    killed = _killed(text)
    if crashes:  # a process may also abort because of a crash in another
        killed = [(number, name) for number, name in killed if name != "SIGABRT"]
    if killed:
        number, name = killed[-1]  # of the root cause, which torchrun names last
        return (
            f"python -m {module}: error: one of the processes was ended by signal {number} ({name}), and the others "
            "with it. SIGKILL mostly means too little memory. Run the same command again: a training continues from "
            "its last checkpoint"
        )
    if crashes:
        return crashes[0]
    others = "\n".join(line for line in text.splitlines() if REPORT not in line).strip()
    return others or f"python -m {module}: error: the launcher was ended, and its processes with it"


def _killed(text: str) -> list[tuple[str, str]]:
    """Number and name of the signals that ended processes, but for those that torchrun ended because of others."""
    ended = re.findall(r"(?:Sending|Unable to shutdown) process (\d+)", text)
    found = re.findall(r"Signal (\d+) \((\w+)\) received by PID (\d+)", text)
    return [(number, name) for number, name, process in found if process not in ended]


@contextlib.contextmanager
def _passing_on_signals(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """SIGTERM goes on to the launcher, and Ctrl-C, which it gets from the terminal too, waits for it."""

    def terminate(number: int, frame: FrameType | None) -> None:
        process.terminate()

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except KeyboardInterrupt:
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def end_with_parent() -> None:
    """Let Linux end this process when its parent ends, even by SIGKILL: a second run must not meet a first one."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def run_rank(command: Callable[[], None]) -> None:
    """Run what one of several processes has to do: the first one writes its log, every one reports its end.

    command: ends with SystemExit where it refuses. A process that fails ends at once, whatever the others wait for.
    """
    if sys.platform == "linux":
        end_with_parent()  # a launcher that is killed leaves its processes behind
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns where every parameter is used
    first = os.environ.get("RANK", "0") == "0"
    launched = LAUNCHED in os.environ
    errors = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")

    def report(end: str, text: str = "") -> None:
        if launched:  # by a stage, which reads it
            errors.write(f"{REPORT}{json.dumps({'end': end, 'text': text})}\n")
        elif text:
            errors.write(f"{text}\n")
        errors.flush()

    if not first:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
    elif launched:
        os.dup2(1, 2)  # warnings and bars of the first process are seen as they come
    report(STARTED)
    if launched and not is_rank():
        print(f"{LAUNCHER}: it started one process (without RANK, LOCAL_RANK and WORLD_SIZE)")
    try:
        command()
    except SystemExit as end:
        if end.code:
            report(REFUSED, str(end.code))
            leave(1)
    except BaseException:
        report(CRASHED, traceback.format_exc())
        leave(1)
    report(DONE)
    atexit._run_exitfuncs()  # which end the connection to the others
    leave(0)


def leave(code: int) -> NoReturn:
    """End without waiting for threads that talk with the other processes, or of libraries that abort at the end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
