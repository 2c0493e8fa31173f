"""The judges by name. Each is imported only where it is asked for: their libraries take seconds."""

from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.judging.base import Judge
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def load_judge(
    name: str, paths: Paths, records: list[dict[str, Any]], model: Model, template: Template, generate: Generate
) -> Judge:
    """The judge of outputs for the records of test. Raises InputError where there is none of the name."""
    if name == "base_likelihood":
        from pipeline.judging.base_likelihood import BaseLikelihood

        return BaseLikelihood(paths, model, template, generate)
    if name == "similarity":
        from pipeline.judging.similarity import Similarity

        return Similarity([record["references"] for record in records])
    raise InputError(f"metrics.judges: no judge {name!r}; there are base_likelihood, similarity")
