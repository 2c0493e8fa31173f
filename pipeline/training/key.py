"""A hash of settings and files: the key of a training's checkpoints, and what trainings have in common."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def hash_of(settings: list[Any], files: Iterable[Path]) -> str:
    """16 hexadecimal digits of settings and the contents of files."""
    digest = hashlib.sha256(json.dumps(settings, default=repr).encode())
    for path in files:
        with path.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]
