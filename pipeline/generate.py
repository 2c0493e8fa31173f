"""One output for every test example, written by what a run left: a method trained with a seed.

    python -m pipeline.generate RUN

Prompts of similar length share a batch; a batch that does not fit in memory is halved, and the run continues.
"""

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.inference.outputs import are_empty, prepare_writer
from pipeline.models.devices import environment
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def run(name: str, paths: Paths, *, model: Model, template: Template, generate: Generate) -> None:
    monitor = ResourceMonitor()
    writer = prepare_writer(name, "test", paths, model, template, generate, monitor)
    with monitor.phase("warm-up"):
        writer.warm_up()
    with monitor.phase("generate"):
        predictions, batch_size = writer.write(f"generate {name}")
    if empty := are_empty(predictions):
        raise InputError(f"{name}: {empty}")
    if writer.has_choices:  # with a clock of its own: it is no part of what an output costs
        with monitor.phase("choose"):
            predictions = writer.add_choices(predictions, f"choose {name}")
    files.write_jsonl(paths.predictions(name), predictions)
    record = {
        "run": name,
        "examples": len(predictions),
        "new_tokens": sum(row["tokens"] for row in predictions),
        "prompt_tokens": sum(map(len, writer.prompts)),
        "request_tokens": writer.request_tokens(),
        "extra_prompt_tokens": writer.extra_prompt_tokens(),
        "batch_size": batch_size,
        **monitor.report(),
        **environment(),
    }
    files.write_json(paths.generation_run(name), record)
    seconds = monitor.seconds["generate"]
    print(f"{name}: {len(predictions)} outputs in {seconds:.1f} s; the first: {predictions[0]['prediction']}")


if __name__ == "__main__":
    run_stage(run)
