"""Errors of the machine, not of the program: a full disk, no permission, too little memory. Each said in one line."""

import errno
import os
import shutil
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLI = str(Path(__file__).with_name("cli.py"))  # which every error passes through

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
PERMISSION = {errno.EACCES, errno.EPERM}
IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP}
# What torch's and safetensors' writers say instead of an OSError; PyTorchStreamWriter counts what it could not write.
DISK_TEXTS = (
    *("No space left", "unexpected pos", "PytorchStreamWriter failed", "File too large", "Disk quota exceeded"),
    *("No usable temporary directory", "Read-only file system"),
)
MEMORY_NAMES = {"OutOfMemoryError", "ArrowMemoryError"}  # of torch and pyarrow
MEMORY_TEXTS = ("can't allocate memory", "Cannot allocate memory", "not enough memory", "out of memory")
# What to lower, by the stage that ran out of memory.
LOWER = {
    "train": "train.batch_size (and raise train.gradient_accumulation_steps) or tokenize.max_source_tokens",
    "generate": "generate.batch_size, generate.num_beams or tokenize.max_source_tokens",
    "forgetting": "forgetting.batch_size or tokenize.max_source_tokens",
    "score": "score.resamples",
    "compare": "score.resamples",
    "prepare": "data.limit.train",
    "tokenize": "data.limit.train",
}


def explain_machine_error(error: BaseException, stage: str) -> str | None:
    """One line about an error of the machine; None for any other error."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno in PERMISSION:
        return f"{_place(error)}: {error.strerror}: this user cannot read or write it"
    if isinstance(error, OSError) and error.errno in DISK:
        return f"{_place(error)}: {error.strerror}. {_free(error)}; make room and run the same command again"
    if isinstance(error, OSError) and error.errno in IN_THE_WAY:
        return f"{_place(error)}: {error.strerror}: something else is in the way; move it elsewhere"
    if any(each in text for each in DISK_TEXTS):
        return f"could not write: {text[:200]}. {_free(None)}; make room and run the same command again"
    if _is_memory(error, text):
        lower = LOWER.get(stage, "data.limit, or choose a smaller model")
        detail = f" ({text[:200]})" if text else ""
        return f"the memory is not enough in {_phase(error)}{detail}. Lower {lower}; or close other programs"
    return None


def _is_memory(error: BaseException, text: str) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ in MEMORY_NAMES:
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(each in text for each in MEMORY_TEXTS)


def _phase(error: BaseException) -> str:
    """The innermost function of this project that the error passed through, and its file."""
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [code for code in frames if Path(code.co_filename).is_relative_to(ROOT) and code.co_filename != CLI]
    own = own or frames[-1:]
    return f"{own[-1].co_name} ({Path(own[-1].co_filename).name})" if own else "this stage"


def _place(error: OSError) -> str:
    return str(error.filename) if error.filename else "a file could not be written"


def _free(error: OSError | None) -> str:
    """How much is free where the error arose: in the folder of the file, or else here."""
    folder = Path(os.fsdecode(error.filename)) if error and isinstance(error.filename, str | bytes) else Path.cwd()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return f"{shutil.disk_usage(folder).free / 2**20:,.0f} MiB are free in {folder.absolute()}"
