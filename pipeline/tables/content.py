"""The content of a user's file: compressed or not, and as text."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.messages import first_line

DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}

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


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, decompressed. Raises InputError for no file, and for a compressed one that is cut short."""
    if path.is_dir():
        raise InputError(f"{path}: a folder, where a file is expected")
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    suffix = path.suffix.lower()
    if suffix not in DECOMPRESS:
        return content
    try:
        return DECOMPRESS[suffix](content)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"{path}: not a whole {suffix} file, perhaps cut short: {first_line(error)}") from None


def read_text(path: Path) -> str:
    """A text file without its byte order mark. Raises InputError with the line that is not UTF-8, or no text."""
    content = read_bytes(path)
    refuse_mistaken(path, content)
    if content.startswith(UTF16):
        raise InputError(f"{path}: the text is UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: not UTF-8 (byte {content[error.start]:#04x}); save it as UTF-8") from None
    if (position := text.find("\0")) >= 0:
        line = text[:position].count("\n") + 1
        raise InputError(f"{path}:{line}: a NUL byte: no text file, or UTF-16; save it as UTF-8")
    return text


def refuse_mistaken(path: Path, content: bytes) -> None:
    """Raise InputError for a file that begins as another kind of file."""
    for start, kind in MISTAKEN.items():
        if content.startswith(start):
            raise InputError(f"{path}: this is {kind}")
