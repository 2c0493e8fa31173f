"""Every command of README, CONTRIBUTING and docs/, run as it is written there in a copy of the project.

A document's commands run in its order: those of its code blocks, and in its text those in backticks that begin with
dvc, make, python -m or git. A new command runs as it is; what it needs first is in `execute`, and one that cannot run
in a test is in ELSEWHERE, with what runs it instead.
"""

import json
import re
import shutil
import socket

import pytest
from filelock import FileLock

from tests import hub
from tests.project import ROOT, Project

pytestmark = pytest.mark.slow

# docs/log.md keeps what was measured once; its commands are of their dates.
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md") if path.name != "log.md"),
]
PROGRAM = re.compile(r"(dvc|make|python -m|git|pip|source|curl) |\.ci/run$")
SWEPT = ("lora_rank",)  # the other sweeps are queued and not run, for time

ELSEWHERE = {
    "source .venv/bin/activate": "the tests' own environment",
    "make setup && source .venv/bin/activate": "the tests' own environment",
    "make check": "CI; half of it are tests",
    "make lint": "CI; it checks types for half a minute",
    "python -m pipeline.export prompt_tuning --to soft-tokens": "tests/exporting/test_export.py",
    "make try": "tests/stages/test_predict.py: it waits for a text to be typed",
    "python -m benchmarks.plan_memory": "tests/planning/test_benchmark.py, of fewer cases",
    "python -m benchmarks.process_memory": "tests/distributed/test_process_memory.py, of a smaller shape",
    "python -m benchmarks.train_speed --method": "docs/results.md, which trains the whole model",
    "python -m benchmarks.gpu": "tests/test_gpu_benchmark.py, as far as it runs without a GPU",
    "python -m benchmarks.serving": "tests/serving/test_benchmark.py, with fewer requests",
    "python -m benchmarks.scoring": "tests/test_scoring_benchmark.py, with fewer examples",
    "make test": "the run that this test is part of",
    ".ci/run": "CI; it runs this test",
    "make pretrain": "tests/test_pretraining.py, on a small recipe: the whole takes an hour",
    "dvc remote add --default storage s3://": "tests/test_sharing.py, on an S3 server of its own",
    "dvc remote modify": "tests/test_sharing.py, on an S3 server of its own",
    "python -m pipeline run_list ranks.txt": "tests/test_sharing.py, with two machines",
    "dvc exp pull --rev HEAD origin": "tests/test_sharing.py, with two machines",
    "dvc queue start --jobs": "tests/experiments/test_queue_workers.py",
    "dvc queue kill --force NAME": "nothing: it is for a fault of DVC that occurs by chance",
    "dvc add mine.jsonl && git add mine.jsonl.dvc": "tests/experiments/test_queued_paths.py",
    "dvc exp run -S data.train=~/train.csv": "tests/experiments/test_override_syntax.py",
    "git init && git add --all && git commit --message start": "the fixture that makes a project",
    "git add --all && git commit --message start": "the fixture that makes a project",
    "dvc exp push --run-cache origin NAME": "with a name, further below",
    "dvc exp run --pull -S ...": "tests/test_sharing.py, with a value",
    "pip install -c constraints.txt -e '.[s3]'": "`make setup`, whose `dev` holds `s3`",
    "dvc exp run -S 'methods=[zero_shot,loha]'": "tests/test_contributing.py, with the method that it adds",
    "dvc exp run -S task=call_reason": "tests/test_contributing.py, a task of the same kind",
    "dvc exp run -S task=classification -S data=local": "tests/stages/test_own_tasks.py",
    "dvc exp run -S task=question_answering -S data=local": "tests/stages/test_own_tasks.py",
    "dvc exp run -S task=call_question": "tests/stages/test_own_tasks.py, a task of the same kind",
    "pip install --constraint constraints.txt --editable '.[benchmark]'": "`make setup`, whose `dev` holds `benchmark`",
    "pip install --constraint constraints.txt --editable '.[metrics]'": "`make setup`, whose `dev` holds `metrics`",
    "pip install --constraint constraints.txt --editable '.[quantized]'": "`make setup`, whose `dev` holds `quantized`",
    "make plan": "python -m pipeline.plan, which it calls",
    "dvc exp run -S metrics=robustness": "metrics=all, which has the same perturbations",
    "dvc exp run -S benchmark=support": "tests/test_contributing.py, a task of the same kind",
    "dvc exp run -S benchmark=capitals": "tests/test_contributing.py, with the files that it adds",
    "dvc exp run -S mixture=mails": "tests/test_contributing.py, with the files that it adds",
    "dvc exp run -S mixture=calls -S mixture.share=0.5": "the same with another share runs",
    "dvc exp run -S mixture=calls -S 'seeds=[17,18,19]'": "the same with one seed runs",
    "dvc exp run -S task=call_mood": "tests/test_contributing.py, with the files that it adds",
    "dvc exp run -S 'methods=[zero_shot,bitfit]'": "tests/test_contributing.py trains it on a tiny BART",
}
# What only the reader knows, and what would take minutes: here made small.
INSTEAD = {
    "dvc remote add --default storage /mnt/team/tuning": "dvc remote add --force --default storage ../remote",
    "ADDRESS": "../origin.git",
    "--steps 11": "--steps 4 --rounds 1 --batch-size 2",
    "python -m benchmarks.large_data": "python -m benchmarks.large_data --dialogues 200 --steps 10",
    # Two values of a sweep are queued as five are.
    "-S 'seeds=[17,18,19]' -S 'lora.r=1,2,4,8,16,32,64'": "-S 'lora.r=2,64'",  # its seed is that of the default
    "lora.r=1,4,16,64": "lora.r=1,64",
    "num_virtual_tokens=20,40,60,80,100": "num_virtual_tokens=20,40",
    "learning_rate=3e-4,1e-3,3e-3,1e-2,3e-2": "learning_rate=3e-4,1e-2",
    "learning_rate=5e-5,1.5e-4,5e-4,1.5e-3,5e-3": "learning_rate=5e-5,5e-3",
    "learning_rate=1e-1,3e-1,1,3,10": "learning_rate=1e-1,10",
    "seeds=[17,18,19]": "seeds=[17,18]",
    "limit.train=50,100,200,400,750": "limit.train=50,400",
    "mixture.share=0,0.1,0.3,0.5": "mixture.share=0,0.3",
    "reports/predictions/lora/lora-17.jsonl reports/predictions/full/full-17.jsonl": "published.jsonl",  # lora's
}
REFUSED = {"dvc exp run -S lora.rr=3": "ERROR: lora.rr: '3': unknown key; lora has "}
LONG = ("experiment=dialogsum_smollm2", "experiment=support_calls_smollm2")  # queued, which checks all values; not run


def commands(name: str) -> list[str]:
    """The commands of a document, in order, each once; comments behind them left out, lines that go on joined."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    listed = []
    for line in text.splitlines():
        code = re.match(r"    (\S.*)", line)
        for part in [code[1]] if code else re.findall(r"`([^`]+)`", line):
            command = " ".join(re.split(r"\s{2,}#|\s#\s|; python -m pytest", part)[0].split())
            if PROGRAM.match(command) and (code or " " in command):
                listed.append(command)
    return list(dict.fromkeys(listed))


@pytest.fixture(scope="module")
def finished(small, shared, tmp_path_factory) -> Project:
    """A finished project in which `make` has nothing to set up.

    All documents have one cache: what one of their commands has computed, those of others restore.
    """
    project = small.copy(tmp_path_factory.mktemp("docs"))
    project.lend_environment()
    with FileLock(shared / "documents.lock"):
        if not (shared / "documents").exists():
            shutil.copytree(small.folder / ".dvc/cache", shared / "documents")
    shutil.rmtree(project.folder / ".dvc/cache")
    project.must("dvc", "cache", "dir", "--local", str(shared / "documents"))
    return project


def queued(project: Project) -> list[str]:
    """The names of the experiments that wait in DVC's queue."""
    return re.findall(r"^\w{7}\s+(\S+)\s.*\bQueued\s*$", project.must("dvc", "queue", "status"), flags=re.MULTILINE)


def shorten_the_queue(project: Project, keep: int) -> None:
    """Leave the last `keep` experiments in the queue, which must not be empty: they show as much as all."""
    waiting = queued(project)
    assert waiting
    if excess := waiting[: len(waiting) - keep]:
        project.must("dvc", "queue", "remove", *excess)


def run_the_queue(project: Project) -> None:
    """Start DVC's queue and wait until it is done."""
    if waiting := queued(project):
        project.run_queue(len(waiting))


def lend_files(project: Project) -> None:
    """Files of the names that the documents use for a user's own."""
    folder = project.folder
    lines = [f'"A: Is it {n}?\nB: Yes, {n}.",They say {n}.\n' for n in range(12)]
    for split in ("train", "dev", "test"):
        (folder / f"{split}.csv").write_text("dialogue,summary\n" + "".join(lines).replace("Is it", f"Is {split}"))
        shutil.copy(
            folder / f"data/records/{'validation' if split == 'dev' else split}.jsonl", folder / f"{split}.jsonl"
        )
    shutil.copy(folder / "reports/predictions/lora/lora-17.jsonl", folder / "published.jsonl")
    (folder / "mine.txt").write_text("One paragraph of some words.\n\nAnother paragraph of other words.\n")
    shutil.copy(folder / "data/support_calls/questions.jsonl", folder / "mine.jsonl")
    rows = (folder / "published.jsonl").read_text().splitlines()
    texts = [f'{json.loads(row)["id"]},"{json.loads(row)["prediction"]}"' for row in rows]
    (folder / "published.csv").write_text("\n".join(["fname,summary", *texts]) + "\n")


def execute(project: Project, command: str) -> None:
    """Run one command as it is written, after what it needs."""
    assert not command.startswith("pip "), "it would install this copy into the environment of all tests"
    if any(name in command for name in LONG):
        lines = (project.folder / "data/records/train.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        rows = [{"fname": row["id"], "dialogue": row["dialogue"], "summary": row["references"][0]} for row in rows]
        for name in re.findall(r"=(\S+\.jsonl)", command):
            (project.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
            project.must("git", "add", name)  # or it could not be queued
        project.must("bash", "-c", command.replace("dvc exp run", "dvc exp run --queue"))
        assert queued(project)
        project.must("dvc", "queue", "remove", "--all")
    elif "model=flan_t5_base" in command:
        with hub.serve(models={"google/flan-t5-base": project.folder / "models/tiny_t5"}) as endpoint:
            cache = {"HF_HOME": str(project.folder.parent / "hf"), "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": endpoint}
            project.environment |= cache
            project.must("bash", "-c", f"{command} -S model.hub.revision={hub.COMMIT} -S train.precision=fp32")
    elif command in REFUSED:
        done = project.run("bash", "-c", command)
        assert done.returncode != 0
        assert done.stderr.startswith(REFUSED[command])
    elif command.startswith("dvc exp run --queue"):
        project.must("bash", "-c", command)
        shorten_the_queue(project, 1 if "'lora.r=2,64'" in command else 0)
    elif command == "dvc queue start":
        run_the_queue(project)
    elif command == "dvc queue logs NAME":
        name = re.findall(r"^\w{7}\s+(\S+)\s.*Success", project.must("dvc", "queue", "status"), flags=re.MULTILINE)[0]
        assert "train lora-17: step" in project.must("dvc", "queue", "logs", name)
    elif command.startswith("python -m pipeline sweep"):
        name = command.split()[-1]
        run_the_queue(project)
        if name not in SWEPT:
            assert "no two experiments of HEAD differ in" in project.run("bash", "-c", command).stderr
            return
        project.must("bash", "-c", command)
        assert (project.folder / f"reports/sweeps/{name}.md").read_text().startswith("# Sweep: ")
    elif command.startswith("python -m pipeline.serve"):
        serve(project, command)
    elif command.startswith("curl "):
        asked = command.replace("curl", "curl --silent --show-error").replace(":8000", f":{project.port}")
        assert '"error"' not in project.must("bash", "-c", asked)
    else:
        project.must("bash", "-c", command)


def serve(project: Project, command: str) -> None:
    """Start a server in place of the last one, on a free port; the document's next commands ask it."""
    stop_serving(project)
    with socket.create_server(("127.0.0.1", 0)) as free:
        project.port = free.getsockname()[1]
    project.server = project.start("bash", "-c", f"exec {command} --port {project.port}")
    health = f"curl --silent --fail http://127.0.0.1:{project.port}/health"
    project.must("bash", "-c", f"for _ in $(seq 600); do {health} && exit; sleep 0.2; done; exit 1")


def stop_serving(project: Project) -> None:
    if project.server:
        project.server.terminate()
        assert project.server.wait(60) == 0
        project.server = None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_of_a_document_runs(finished, tmp_path, name):
    project = finished.copy(tmp_path / "project")
    if name in ("README.md", "docs/results.md"):
        lend_files(project)
    if name == "docs/sharing.md":
        project.must("git", "init", "--quiet", "--bare", "--initial-branch=main", "../origin.git")
        project.must("git", "remote", "add", "origin", "../origin.git")
        project.must("git", "push", "--quiet", "--set-upstream", "origin", "main")
        project.must("dvc", "remote", "add", "--default", "storage", "../remote")
    for command in commands(name):
        if not any(command.startswith(known) for known in ELSEWHERE):
            for theirs, ours in INSTEAD.items():
                command = command.replace(theirs, ours)
            execute(project, command)
    stop_serving(project)


def test_what_runs_elsewhere_is_still_in_a_document():
    every = [command for name in DOCUMENTS for command in commands(name)]
    assert all(any(command.startswith(known) for command in every) for known in [*ELSEWHERE, *REFUSED])
