"""A hash of settings, files and machine: the key of a training's checkpoints."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.models.devices import environment


def hash_of(settings: list[Any], files: Iterable[Path]) -> str:
    """16 hexadecimal digits of settings, the contents of files, and device, threads and versions."""
    digest = hashlib.sha256(json.dumps([settings, environment()], default=repr).encode())
    for path in files:
        with path.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]
