"""A stage under a launcher: one message and one exit code, whatever its processes do."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.project import ROOT

TORCHRUN = "torchrun --nproc-per-node 2"
REFUSAL = "python -m tests.distributed.failing_stage: error: three labels, and two were expected"


def run(how: str, launcher: str, module: str = "tests.distributed.failing_stage") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, how]
    return subprocess.run(command, env=environment(launcher), capture_output=True, text=True, timeout=300)


def environment(launcher: str) -> dict[str, str]:
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    return os.environ | {"PYTHONPATH": str(ROOT), "LAUNCHER": launcher, "PATH": path}


@pytest.mark.parametrize(
    ("launcher", "reason"),
    [
        ("no-such-program -n 2", "cannot start 'no-such-program': No such file or directory"),
        ("torchrun --nproc-per-node '2", "No closing quotation"),
        ("echo hello", "it ended with code 0 without running `-m tests.distributed.failing_stage`; expected a program"),
        ("ls --nonsense", "it ended with code 2 without running `-m tests.distributed.failing_stage` (Try 'ls"),
    ],
)
def test_a_launcher_that_starts_no_module_is_one_line(launcher, reason):
    done = run("succeed", launcher)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("python -m tests.distributed.failing_stage: error: LAUNCHER=") and reason in line


def test_a_stage_that_works_alone_ignores_the_launcher():
    done = run("--help", "no-such-program", "pipeline.score")
    assert done.returncode == 0
    done = run("lora", "no-such-program", "pipeline.external")
    assert "no-such-program" not in done.stderr


def test_a_plain_python_is_a_launcher_of_one_process():
    done = run("succeed", sys.executable)
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first.startswith("LAUNCHER: it started one process") and second == "process 0 of 1: [0]"


@pytest.mark.slow
def test_all_processes_work_and_the_first_one_speaks():
    done = run("succeed", TORCHRUN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "process 0 of 2: [0, 1]\n"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["all refuse", "the second refuses early"])
def test_a_refusal_of_one_or_all_is_one_line(how):
    done = run(how, TORCHRUN)
    assert (done.returncode, done.stderr) == (1, f"{REFUSAL}\n")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["the second crashes", "the second crashes beside one that waits"])
def test_a_crash_of_one_is_one_traceback_and_ends_the_others(how):
    done = run(how, TORCHRUN)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback") and done.stderr.endswith("ZeroDivisionError: in the second\n")
    assert done.stderr.count("Traceback") == 1 and "ChildFailedError" not in done.stderr


@pytest.mark.slow
def test_a_killed_process_is_named_also_where_another_crashes_without_it():
    done = run("the second is killed", TORCHRUN)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1 and "one of the processes was ended by signal 9 (SIGKILL)" in line


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_stage_takes_its_processes_with_it(number):
    command = [sys.executable, "-m", "tests.distributed.failing_stage", "wait"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    stage = subprocess.Popen(command, env=environment(TORCHRUN), text=True, **streams)
    assert stage.stdout is not None
    first = psutil.Process(int(stage.stdout.readline()))
    started = psutil.Process(stage.pid).children(recursive=True)
    assert first in started and len(started) >= 3  # torchrun, and two processes
    stage.send_signal(number)
    assert psutil.wait_procs(started, timeout=60)[1] == []
    stage.communicate()
    assert stage.returncode == (1 if number == signal.SIGTERM else -number)
