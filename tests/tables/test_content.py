"""Text files that are read in parts: whatever is wrong is found, and named by its line."""

import bz2
import gzip
import lzma

import pytest

from pipeline.core.errors import InputError
from pipeline.tables import content

TEXT = "é🎉\r\n中文\n" * 40
PACK = {"x.txt": bytes, "x.txt.gz": gzip.compress, "x.txt.bz2": bz2.compress, "x.txt.xz": lzma.compress}


@pytest.fixture(params=[1, 2, 5, 64, 2**20])
def at_a_time(request, monkeypatch):
    monkeypatch.setattr(content, "AT_A_TIME", request.param)
    return request.param


@pytest.mark.parametrize("name", PACK)
def test_a_text_is_the_same_in_parts_of_any_size(tmp_path, at_a_time, name):
    path = tmp_path / name
    path.write_bytes(PACK[name](b"\xef\xbb\xbf" + TEXT.encode()))
    assert content.read_bytes(path) == b"\xef\xbb\xbf" + TEXT.encode()
    assert content.read_text(path) == TEXT
    with content.open_text(path) as file:
        assert file.read() == TEXT.replace("\r\n", "\n")
    if name != "x.txt":
        path.write_bytes(path.read_bytes()[:-9])
        with pytest.raises(InputError, match=r"not a whole \.\w+ file, perhaps cut short"):
            content.open_text(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [(b"\xff", "not UTF-8 (byte 0xff)"), (b"\xf0\x9f\x8e", "not UTF-8 (byte 0xf0)"), (b"\0", "a NUL byte")],
)
@pytest.mark.parametrize("lines", [0, 1, 79, 80])
def test_what_is_no_text_is_named_by_its_line(tmp_path, at_a_time, damage, message, lines):
    path, whole = tmp_path / "x.txt", TEXT.encode().splitlines(keepends=True)
    path.write_bytes(b"".join([*whole[:lines], damage, *whole[lines:]]))
    with pytest.raises(InputError) as refusal:
        content.open_text(path)
    assert str(refusal.value).startswith(f"{path}:{lines + 1}: {message}")
