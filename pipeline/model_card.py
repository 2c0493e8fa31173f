"""All but the weights that is needed to use a run elsewhere: a model card, settings.json, generation_config.json.

python -m pipeline.model_card RUN
"""

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.paths import Paths
from pipeline.exporting.card import render_card
from pipeline.exporting.facts import collect
from pipeline.exporting.generation_file import generation_config
from pipeline.exporting.usage import has_examples, usage
from pipeline.inference.settings import SETTINGS, AnswerSettings
from pipeline.models.limits import read_limits
from pipeline.models.tuned import LEFT, needs_base
from pipeline.parameters.data import Data
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.score import Score
from pipeline.parameters.task import Task
from pipeline.parameters.template import Template
from pipeline.parameters.types import Seed


def run(
    name: str,
    paths: Paths,
    *,
    seed: Seed,
    task: Task,
    template: Template,
    data: Data,
    model: Model,
    generate: Generate,
    score: Score,
) -> None:
    settings = AnswerSettings(task, template, model, generate, read_limits(paths), seed)
    values = collect(name, paths, settings, data, score.language)
    weights, card = paths.tuned_model(name), paths.model_card(name)
    if not any((weights / left).exists() for left in LEFT):
        raise files.damaged(weights, f"has none of {', '.join(LEFT)}") if weights.exists() else files.missing(weights)
    base = values["base"]["folder"]
    lines = usage(values, weights, values["weights"], base, card.relative_to(paths.root).as_posix())
    files.write_json(card / SETTINGS, values)
    (card / "README.md").write_text(render_card(values, lines, examples=has_examples(weights)), encoding="utf-8")
    generation_config(paths.base_model if needs_base(weights) else weights, settings).save_pretrained(card)
    print(f"{name}: its card is {card}/README.md")


if __name__ == "__main__":
    run_stage(run)
