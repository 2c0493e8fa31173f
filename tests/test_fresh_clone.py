"""A fresh clone works in any order: experiments before any run of the default, with nothing in DVC's cache.

The clone's dvc.lock is that of another configuration, as a clone of this repository has it. DVC looks up what it names
(dvc.fs.isdvc) when it restores a stage from the run-cache or runs a queue; a dependency inside a directory output made
all of these fail.
"""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from tests.project import Project, after

pytestmark = pytest.mark.slow

SMOKE = ["-S", "experiment=smoke"]


@pytest.fixture
def clone(small, tmp_path) -> Project:
    """A clone whose dvc.lock names files that exist nowhere, all other files as in this repository."""
    origin = small.copy(tmp_path / "origin")
    lock = (origin.folder / "dvc.lock").read_text()
    (origin.folder / "dvc.lock").write_text(re.sub(r"(?<=md5: )[0-9a-f]{32}", lambda md5: md5[0][::-1], lock))
    origin.edit("conf/config.yaml", "  - experiment: smoke", "  - experiment: null")
    origin.compose()
    origin.commit("another configuration")
    origin.must("git", "clone", "--quiet", str(origin.folder), str(tmp_path / "clone"))
    assert not (tmp_path / "clone/.dvc/cache").exists()
    return Project(tmp_path / "clone")


def test_an_experiment_runs_and_runs_again_after_git_checkout(clone):
    overrides = [*SMOKE, "-S", "methods=[zero_shot]"]
    assert after("zero_shot") <= set(clone.dvc("exp", "run", *overrides))
    first = clone.json("reports/metrics/zero_shot.json")
    clone.must("git", "checkout", "--quiet", ".")
    # From the run-cache, but for the comparison, whose files are in git, and what reads them.
    assert set(clone.dvc("exp", "run", *overrides)) <= {"config", "compare", "report"}
    assert clone.json("reports/metrics/zero_shot.json") == first


def test_a_queue_of_three_ranks_runs_each(clone):
    clone.must("dvc", "exp", "run", "--queue", *SMOKE, "-S", "methods=[lora]", "-S", "lora.r=4,2,3", "validate")
    clone.run_queue(3)
    shown = json.loads(clone.must("dvc", "exp", "show", "--json"))
    experiments = [experiment["revs"][0]["data"] for experiment in shown[1]["experiments"]]
    assert {one["params"]["params.yaml"]["data"]["lora"]["r"] for one in experiments} == {4, 2, 3}


def test_ones_own_file_runs_and_a_killed_run_goes_on(clone, tmp_path):
    lines = [f'"A: Is it {n}?\nB: Yes, {n}.",They say {n}.\n' for n in range(20)]
    (clone.folder / "mine.csv").write_text("chat,short\n" + "".join(lines))
    chosen = ["data=local", "data.train=mine.csv", "data.source_column=chat", "data.target_column=short"]
    overrides = [*SMOKE, *(word for value in [*chosen, "methods=[lora]"] for word in ("-S", value))]
    real = Project(clone.folder, forked=False)  # stages that are killed with DVC
    with (tmp_path / "log").open("w") as log:
        command = ["dvc", "exp", "run", *overrides]
        running = subprocess.Popen(
            command, cwd=real.folder, env=real.environment, stdout=log, stderr=log, start_new_session=True
        )
        while "Running stage 'train@lora-17'" not in (tmp_path / "log").read_text():
            assert running.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.5)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    stages = clone.dvc("exp", "run", *overrides)
    assert after("lora") <= set(stages) and "prepare" not in stages
    card = clone.json("reports/data.json")
    assert card["source"]["name"] == "local"
    assert [card[split]["examples"] for split in ("train", "validation", "test")] == [16, 2, 2]  # cut from the one file
    # The kill left the file staged on a detached HEAD, from where `git checkout --force main` would delete it.
    clone.must("git", "checkout", "--quiet", "main")
    assert (clone.folder / "mine.csv").exists()
