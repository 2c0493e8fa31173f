"""Which command writes a file of the pipeline: what a message says where such a file is missing or damaged."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from pipeline.core.imports import ROOT, members

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def writer(path: Path) -> str | None:
    """The stage that writes a path, or a folder around it, as `dvc repro` names it; None where there is none.

    The path may begin at the project's folder or anywhere above it.
    """
    for name, pattern, every in _outputs():
        if found := re.fullmatch(rf"(?:.*/)?{pattern}(?:/.*)?", path.as_posix()):
            if not every:
                return name
            item = found["key"]
            if (name == "external") != (item in members("pipeline.methods")) or name not in ("external", "score"):
                return f"{name}@{item}"
    return None


def remedy(path: Path, missing: bool = False) -> str:
    """What to do about a file that is missing, or else damaged."""
    stage = writer(path)
    if not stage:
        return "run `dvc repro` again"
    return f"make it with `dvc repro {stage}`" if missing else f"make it anew with `dvc repro -f -s {stage}`"


def _outputs() -> Iterator[tuple[str, str, bool]]:
    """Stage, a pattern of an output, and whether the stage is one of several alike. Read only when it is needed."""
    try:
        stages = yaml.load((ROOT / "dvc.yaml").read_text(encoding="utf-8"), Loader=LOADER)["stages"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return  # a broken dvc.yaml is told elsewhere
    for name, stage in stages.items():
        every = "matrix" in stage or "foreach" in stage
        definition = stage.get("do", stage)
        for output in [*definition.get("outs", []), *definition.get("metrics", [])]:
            place = next(iter(output)) if isinstance(output, dict) else output
            pattern = re.sub(r"\\\$\\\{(?:item\\\.)?(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(place))
            yield name, re.sub(r"\\\$\\\{[\w\\.]+\\\}", "[^/]+", pattern), every  # ${benchmark.name}
