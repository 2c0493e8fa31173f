"""settings.json: everything that is needed to answer with a trained model, and what is known of it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.core.shapes import Source
from pipeline.evaluation.shapes import SystemScores, TrainingRun
from pipeline.exporting.base_model import weight_hashes
from pipeline.exporting.licenses import base_license, data_license
from pipeline.inference.settings import AnswerSettings
from pipeline.models.devices import library_versions
from pipeline.parameters.data import Data
from pipeline.parameters.model import Model

TRAINING: tuple[str, ...] = ("trainable_parameters", "total_parameters", "steps", "learning_rate")
TRAINING += ("best_validation_loss", "precision", "base_weights", "device")


def collect(run: str, paths: Paths, settings: AnswerSettings, data: Data, language: str) -> dict[str, Any]:
    """What settings.json holds of a run; `format` and `weights` say where the weights are."""
    method, seed = parse_run(run)
    record = files.read_json(paths.training_run(run), TrainingRun)
    return {
        "run": run,
        "method": method,
        "training_seed": seed,
        "format": "card",
        "weights": paths.tuned_model(run).relative_to(paths.root).as_posix(),
        "base": describe_base(settings.model, paths),
        "data": {
            "name": data.name,
            "source": source_of(paths.raw_data, data.train),
            "license": data_license(data, paths),
        },
        "language": language,
        **answer_values(settings),
        "columns": {
            "source": data.source_column,
            "target": data.target_column,
            "missing_words": data.missing_words,
            "further": {field: data.columns.get(field, field) for field in settings.task.fields},
            "id": data.id_column,
        },
        "test": test_scores(run, files.read_json(paths.scores(method), SystemScores)),
        "training": {key: record[key] for key in TRAINING if key in record},
        "versions": record.get("versions") or library_versions(),
    }


def answer_values(settings: AnswerSettings) -> dict[str, Any]:
    """The part that `read_settings` reads."""
    return {
        "model": asdict(settings.model),
        "task": asdict(settings.task),
        "template": asdict(settings.template),
        "limits": dict(settings.limits),
        "generate": asdict(settings.generate),
        "seed": settings.seed,
    }


def describe_base(model: Model, paths: Paths) -> dict[str, Any]:
    """Name, origin, hashes and license of the base."""
    with files.explain_damage(paths.base_model):
        hashes = weight_hashes(paths.base_model)
    if not hashes:
        raise (
            files.damaged(paths.base_model, "no weights")
            if paths.base_model.is_dir()
            else files.missing(paths.base_model)
        )
    return {
        "name": model.name,
        "folder": paths.base_model.relative_to(paths.root).as_posix(),
        "source": source_of(paths.raw_model, model.path),
        "sha256": hashes,
        "license": base_license(model, paths),
    }


def source_of(raw: Path, path: str) -> dict[str, Any]:
    """Where something came from: as the stage that downloads it recorded it, else the file that was read."""
    found = files.read_json(raw / "source.json", Source)
    return {"path": path} if "files" in found else {key: value for key, value in found.items() if key != "license"}


def test_scores(run: str, scores: dict[str, Any]) -> dict[str, Any]:
    """Metric -> points of this run, and the mean of all seeds of its method with its 95 % interval."""
    _, seed = parse_run(run)
    own = scores["by_seed"].get(str(seed), {})
    return {
        "examples": scores["examples"],
        "seeds": len(scores["by_seed"]) or 1,
        "scores": {
            name: {"value": own.get(name, score["mean"]), **{key: score[key] for key in ("mean", "low", "high")}}
            for name, score in scores["scores"].items()
        },
    }
