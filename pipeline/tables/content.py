"""The content of a user's file: compressed or not, and as text."""

import bz2
import codecs
import gzip
import io
import itertools
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line

AT_A_TIME = 2**20  # bytes of a file that are in memory together
DECOMPRESS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

# How files begin that are something else than their ending says.
MISTAKEN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV in UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV in UTF-8",
    b"PAR1": "a Parquet file; let its name end in .parquet",
    b"ARROW1": "an Arrow file; let its name end in .arrow",
    b"\x1f\x8b": "a gzip file; let its name end in .gz",
    b"BZh": "a bzip2 file; let its name end in .bz2",
    b"\xfd7zXZ": "an xz file; let its name end in .xz",
    b"(\xb5/\xfd": "a zstd file; unpack it",
    b"SQLite format 3": "a database; export its rows as CSV or JSON Lines",
    b"version https://git-lfs": "not the data but a pointer of Git LFS to them; fetch them with `git lfs pull`",
    b"<!DOCTYPE": "a web page; download the file itself",
    b"<!doctype": "a web page; download the file itself",
    b"<html": "a web page; download the file itself",
}
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def ending(path: Path) -> str:
    """What a file is by its name, in lower case: `.csv` of x.csv and of X.CSV.gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = len(suffixes) > 1 and suffixes[-1] in DECOMPRESS
    return suffixes[-2] if packed else path.suffix.lower()


def open_bytes(path: Path) -> BinaryIO:
    """A file to read its bytes from, decompressed. Raises InputError where there is none."""
    if path.is_dir():
        raise InputError(f"{path}: a folder, where a file is expected")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        return DECOMPRESS.get(path.suffix.lower(), open)(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed. Raises InputError for no file, and for a compressed one that is cut short."""
    return b"".join(_chunks(path))


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """A text file without its byte order mark, to be read in parts; newline as in `open`.

    It is read once before, to check it. Raises InputError with the line that is not UTF-8, or no text.
    """
    _check_text(path)
    return io.TextIOWrapper(open_bytes(path), encoding="utf-8-sig", newline=newline)


def read_text(path: Path) -> str:
    """The whole of `open_text`, with its line breaks as they are."""
    with open_text(path, newline="") as file:
        return file.read()


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with open_bytes(path) as file:
            while chunk := file.read(AT_A_TIME):
                yield chunk
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        suffix = path.suffix.lower()
        if suffix not in DECOMPRESS:
            raise InputError(f"{path}: {getattr(error, 'strerror', error)}") from None
        raise InputError(f"{path}: not a whole {suffix} file, perhaps cut short: {first_line(error)}") from None


def _check_text(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, first = 1, True
    for chunk in itertools.chain(_chunks(path), [b""]):
        if first:
            refuse_mistaken(path, chunk)
            if chunk.startswith(UTF16):
                raise InputError(f"{path}: the text is UTF-16; save it as UTF-8")
        first = False
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            byte = error.object[error.start]
            raise InputError(f"{path}:{line}: not UTF-8 (byte {byte:#04x}); save it as UTF-8") from None
        if (position := text.find("\0")) >= 0:
            line += text[:position].count("\n")
            raise InputError(f"{path}:{line}: a NUL byte: no text file, or UTF-16; save it as UTF-8")
        line += text.count("\n")


def refuse_mistaken(path: Path, content: bytes) -> None:
    """Raise InputError for a file that begins as another kind of file."""
    for start, kind in MISTAKEN.items():
        if content.startswith(start):
            raise InputError(f"{path}: this is {kind}")
