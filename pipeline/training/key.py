"""A hash of settings and files: the key of a training's checkpoints, and what trainings have in common."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digests(files: Iterable[Path]) -> list[bytes]:
    """SHA-256 of the content of each file."""
    found = []
    for path in files:
        with path.open("rb") as content:
            found.append(hashlib.file_digest(content, "sha256").digest())
    return found


def hash_of(settings: list[Any], contents: Iterable[bytes]) -> str:
    """16 hexadecimal digits of settings and of the digests of files."""
    digest = hashlib.sha256(json.dumps(settings, default=repr).encode())
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:16]
