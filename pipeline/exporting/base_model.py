"""The base that an adapter belongs to: known by the hashes of its weights."""

import hashlib
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.inference.settings import SETTINGS

BASE = "base"  # a folder inside an exported one, for a base that travels with it


def weight_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of weights, by its name."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def find_base(folder: Path, values: dict[str, Any], given: Path | None) -> Path:
    """The base of an exported folder whose settings.json holds `values`: the given one, the folder's, or where it was.

    Raises InputError where there is none, or it has other weights than those that the adapter was trained on.
    """
    if not isinstance(values.get("base"), dict):
        raise InputError(f"{folder / SETTINGS}: base: missing")
    named, hashes = Path(str(values["base"].get("folder", ""))), values["base"].get("sha256")
    inside = folder / BASE
    base = given or (inside if inside.is_dir() else named)
    if not any(base.glob("*.safetensors")):
        raise InputError(f"{base}: no base model is there; name its folder with --base ({describe(values['base'])})")
    with files.explain_damage(base):
        found = weight_hashes(base)
    if found != hashes:
        raise InputError(
            f"{base}: not the base that {folder} was trained on, or changed since: the SHA-256 of its weights differs "
            f"({describe(values['base'])})"
        )
    return base


def describe(base: dict[str, Any]) -> str:
    """Which base it is, for a message."""
    source = base.get("source", {})
    origin = f"{source['repo_id']} at {source['commit']}" if "repo_id" in source else source.get("requirement", "")
    return ", ".join(filter(None, [str(base.get("name", "")), origin]))
