"""A folder with settings.json, ready to answer: an export of any format, or a model card beside its weights."""

from pathlib import Path
from typing import Any, Protocol

from pipeline.core.errors import InputError
from pipeline.exporting.base_model import find_base
from pipeline.exporting.ctranslate2_engine import CTranslate2Predictor
from pipeline.inference.predictor import Predictor
from pipeline.inference.settings import SETTINGS, read_file, read_settings
from pipeline.models.tuned import LEFT, needs_base


class Answerer(Protocol):
    """What answers records: a Predictor, whatever its engine."""

    def write(self, records: list[dict[str, Any]], label: str) -> list[str]:
        """An output for each record (id and the fields of the task), in order; `label` names their progress."""


def weights_folder(folder: Path) -> Path:
    """Where the weights are that a folder's settings.json belongs to. Raises InputError where they are not there."""
    named = str(read_file(folder).get("weights", "."))
    weights = folder if named == "." else Path(named)
    if not any((weights / name).exists() for name in LEFT):
        raise InputError(f"{folder / SETTINGS}: weights: there is no model in {weights}")
    return weights


def open_folder(folder: Path, base: Path | None = None) -> Answerer:
    """What answers with a folder. base: where its base is, if neither in the folder nor where settings.json says.

    Raises InputError where something is missing, or the base is another one.
    """
    values, settings, weights = read_file(folder), read_settings(folder), weights_folder(folder)
    if values.get("format") == "ctranslate2":
        return CTranslate2Predictor(settings, values.get("positions"), folder)
    found = find_base(folder, values, base) if needs_base(weights) else weights
    return Predictor(settings, found, weights)
