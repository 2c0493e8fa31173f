"""A stage whose processes end as its argument says.

python -m tests.distributed.failing_stage HOW
"""

import os
import signal
import time

import psutil

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.models import processes


def run(how: str) -> None:
    if how == "wait":
        print(os.getpid())
        time.sleep(600)
    if how == "all refuse":
        raise InputError("three labels, and two were expected")
    if how == "the second refuses early" and processes.number() == 1:
        raise InputError("three labels, and two were expected")
    processes.join()
    print(f"process {processes.number()} of {processes.count()}: {processes.gather(processes.number())}")
    if how.startswith("the second crashes") and processes.number() == 1:
        raise ZeroDivisionError("in the second")
    if how == "the second crashes beside one that waits":
        time.sleep(600)
    if how == "the second is killed":
        (second,) = [number for number in processes.gather(os.getpid() * processes.number()) if number]
        if processes.number() == 1:
            os.kill(second, signal.SIGKILL)
        while psutil.Process(second).status() != psutil.STATUS_ZOMBIE:
            pass
        raise ConnectionError("the first lost its connection")  # before torchrun has seen that the second ended
    if how != "succeed":
        processes.wait()


if __name__ == "__main__":
    run_stage(run, several_processes=True)
