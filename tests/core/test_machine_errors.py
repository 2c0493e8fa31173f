"""A full disk, a forbidden folder, too little memory: one line, and the next run completes with the same bytes."""

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.machine_errors import explain_machine_error
from tests.core.test_params import write_params

ROOT = Path(__file__).parents[2]


def run(folder: Path, *command: str, limit: tuple[int, int] | None = None, **environment: str):
    """A command of this project in a folder, perhaps under a limit of the system."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        preexec_fn=(lambda: resource.setrlimit(limit[0], (limit[1], limit[1]))) if limit else None,
    )


@pytest.fixture
def folder(tmp_path) -> Path:
    """What the stage prepare reads, with texts that no encoding but Unicode has."""
    rows = [
        {"dialogue": f"A: 🙂 ä {number} " + "word " * 200, "summary": f"Fine, 対話 {number} is all right."}
        for number in range(40)
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/source.json").write_text('{"files": "read where they are"}')
    write_params(tmp_path, id_column=None, **dict.fromkeys(("train", "validation", "test"), "train.jsonl"))
    return tmp_path


@pytest.mark.slow
def test_a_disk_that_is_full_ends_in_one_line_and_the_next_run_completes(folder):
    full = run(folder, "-m", "pipeline.prepare", limit=(resource.RLIMIT_FSIZE, 2000))
    message = full.stderr.decode()
    assert full.returncode == 1
    assert message.startswith("python -m pipeline.prepare: error: ")
    assert "File too large. " in message and " MiB are free in " in message
    assert len(message.splitlines()) == 1
    assert run(folder, "-m", "pipeline.prepare").returncode == 0
    first = (folder / "data/records/train.jsonl").read_bytes()
    assert run(folder, "-m", "pipeline.prepare").returncode == 0
    assert (folder / "data/records/train.jsonl").read_bytes() == first


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_failed_write_names_the_file_and_what_is_free(tmp_path, number):
    error = OSError(number, os.strerror(number), str(tmp_path / "models" / "model.safetensors"))
    message = explain_machine_error(error, "train")
    assert message.startswith(f"{tmp_path}/models/model.safetensors: {os.strerror(number)}. ")
    assert f"MiB are free in {tmp_path}" in message


def test_what_torch_and_safetensors_say_of_a_full_disk_is_understood():
    torch = RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")
    safetensors = type("SafetensorError", (Exception,), {})("I/O error: No space left on device (os error 28)")
    for error in (torch, safetensors):
        assert explain_machine_error(error, "train").startswith("could not write: ")


@pytest.mark.parametrize(
    ("error", "stage", "lower"),
    [
        (MemoryError(), "prepare", "Lower data.limit.train"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "train",
            "train.batch",
        ),
        (
            type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 2 GiB"),
            "generate",
            "2 GiB",
        ),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "forgetting", "Lower forgetting.batch_size"),
    ],
)
def test_too_little_memory_says_where_and_what_to_lower(error, stage, lower):
    def allocate() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        allocate()
    message = explain_machine_error(raised.value, stage)
    assert message.startswith("the memory is not enough in allocate (test_machine_errors.py)")
    assert lower in message


def test_too_little_memory_ends_a_stage_in_one_line(folder):
    code = (
        "from pipeline.core.cli import run_stage\n"
        "from pipeline import score\n"
        "def run(): bytearray(10**18)\n"
        "run.__module__ = 'pipeline.score'\n"
        "run_stage(run)"
    )
    done = run(folder, "-c", code)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("python -m pipeline.score: error: the memory is not enough in run ")


def test_a_program_error_is_not_explained_away():
    for error in (ValueError("x"), RuntimeError("shape mismatch"), FileNotFoundError(2, "No such file", "x")):
        assert explain_machine_error(error, "train") is None


def test_what_is_in_the_way_of_a_folder_is_named(folder):
    (folder / "reports").write_text("a file of the user's")
    done = run(folder, "-m", "pipeline.prepare")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1].endswith("something else is in the way; move it elsewhere")
    assert len(done.stderr.decode().splitlines()) == 1


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_no_stage_ends_in_a_print(folder, encoding):
    code = (
        "from pipeline.core.cli import run_stage\n"
        "from pipeline import score\n"
        "def run(): print('🙂 ä 対話 \\ud800')\n"
        "run.__module__ = 'pipeline.score'\n"
        "run_stage(run)"
    )
    done = run(folder, "-c", code, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"\\U0001f642 ")


def test_a_refusal_that_no_terminal_can_show_is_one_line(folder):
    write_params(folder, train="gespräche 🙂.csv")
    plain = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = run(folder, "-m", "pipeline.prepare", **plain)
    assert done.returncode == 1
    assert done.stderr == b"python -m pipeline.prepare: error: gespr\\xe4che \\U0001f642.csv: no such file\n"


def test_output_that_nobody_reads_is_no_error(folder):
    command = f"{sys.executable} -m pipeline.prepare | true; echo ${{PIPESTATUS[0]}}"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() in ("0", "141")
    assert "Traceback" not in done.stderr
    closed = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m pipeline.prepare >&-"], cwd=folder, env=environment, capture_output=True
    )
    assert (closed.returncode, closed.stderr) == (0, b"")
