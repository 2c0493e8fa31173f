"""One output for every test example, written by what a run left: a method trained with a seed.

    python -m pipeline.generate RUN

Prompts of similar length share a batch; a batch that does not fit in memory is halved, and the run continues. Several
processes (docs/several_processes.md) share the batches and write the same bytes as one.
"""

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.shapes import Prompt
from pipeline.inference.outputs import are_empty, prepare_writer
from pipeline.models import processes
from pipeline.models.devices import environment
from pipeline.models.resource_monitor import ResourceMonitor, of_all_processes
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def run(name: str, paths: Paths, *, model: Model, template: Template, generate: Generate) -> None:
    processes.join()
    monitor = ResourceMonitor()
    prompts = files.read_jsonl(paths.prompts("test"), Prompt)
    writer = prepare_writer(name, prompts, paths, model, template, generate, monitor)
    with monitor.phase("warm-up"):
        writer.warm_up()
    with monitor.phase("generate"):
        written = writer.write(f"generate {name}")
    if empty := are_empty(written.rows):
        raise InputError(f"{name}: {empty}")
    # With clocks of their own: they are no part of what an output costs.
    with monitor.phase("read"):
        predictions = writer.add_likelihoods(written, f"read {name}")
    if writer.has_choices:
        with monitor.phase("choose"):
            predictions = writer.add_choices(predictions, f"choose {name}")
    usage = of_all_processes(monitor)
    if not processes.is_first():
        return
    files.write_jsonl(paths.predictions(name), predictions)
    record = {
        "run": name,
        "examples": len(predictions),
        "new_tokens": sum(row["tokens"] for row in predictions),
        "prompt_tokens": sum(map(len, writer.prompts)),
        "request_tokens": writer.request_tokens(),
        "extra_prompt_tokens": writer.extra_prompt_tokens(),
        "batch_size": written.batch_size,
        **usage,
        **environment(),
    }
    files.write_json(paths.generation_run(name), record)
    seconds = monitor.seconds["generate"]
    print(f"{name}: {len(predictions)} outputs in {seconds:.1f} s; the first: {predictions[0]['prediction']}")


if __name__ == "__main__":
    run_stage(run, several_processes=True)
