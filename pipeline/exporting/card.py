"""A model card: what was trained on what, how to load it, and what it scored, with the metadata that hubs read."""

import re
from typing import Any

from pipeline.exporting.licenses import UNKNOWN
from pipeline.exporting.usage import Usage
from pipeline.parameters.train import QUANTIZED

TASKS = {"summarization": "summarization", "classification": "text-classification"}  # names of the hubs' own
LIBRARIES = {True: "peft", False: "transformers"}


def render_card(values: dict[str, Any], usage: Usage, more: str = "", examples: bool = False) -> str:
    """README.md from the `values` of settings.json. more: further sections. examples: prompts have worked ones."""
    from huggingface_hub import ModelCard

    parts = [heading(values), loading(values, usage, examples), scores(values), training(values), origin(values)]
    text = "\n\n".join([f"---\n{metadata(values, usage)}\n---", *parts, *([more] if more else [])])
    return str(ModelCard(text + "\n"))  # which checks the metadata


def metadata(values: dict[str, Any], usage: Usage) -> str:
    """The block at the top, in YAML."""
    from huggingface_hub import ModelCardData

    base, data = values["base"], values["data"]
    hub, adapter = base["source"].get("repo_id"), "from peft import PeftModel" in usage.imports
    return ModelCardData(
        language=values["language"],
        library_name=LIBRARIES[adapter],
        **license_keys(base["license"]),
        base_model=hub,
        base_model_relation=("adapter" if adapter else "finetune") if hub else None,
        datasets=data["source"].get("repo_id"),
        model_name=values["run"],
        pipeline_tag=pipeline_tag(values),
        tags=[values["method"]],
        eval_results=results(values),
    ).to_yaml()


def license_keys(license: str) -> dict[str, Any]:
    """A license as the hub's metadata has it: an identifier of its own list, or another one by name."""
    identifier = license.lower()
    if re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", identifier):
        return {"license": identifier}
    return {"license": "other", "license_name": license}


def pipeline_tag(values: dict[str, Any]) -> str:
    """The hubs' name of what the model does."""
    if values["task"]["kind"] == "summarization":
        return "summarization"
    return "text-generation" if values["model"]["architecture"] == "causal" else "text2text-generation"


def results(values: dict[str, Any]) -> list[Any]:
    """The metrics of the test set."""
    from huggingface_hub import EvalResult

    data = values["data"]
    return [
        EvalResult(
            task_type=TASKS.get(values["task"]["kind"], values["task"]["kind"].replace("_", "-")),
            dataset_type=data["source"].get("repo_id", data["name"]),
            dataset_name=data["name"],
            dataset_split="test",
            dataset_revision=data["source"].get("commit"),
            metric_type=name,
            metric_value=round(score["value"], 2),
        )
        for name, score in values["test"]["scores"].items()
    ]


def heading(values: dict[str, Any]) -> str:
    """What it is, in two sentences."""
    base, method, seed = values["base"], values["method"], values["training_seed"]
    how = f"{base['name']}, tuned with {method}" if values["training"]["trainable_parameters"] else base["name"]
    with_seed = "" if seed is None else f" (seed {seed})"
    return (
        f"# {values['run']}\n\n{how}{with_seed}, for {values['task']['name']} on {values['data']['name']}. "
        "`settings.json` beside this file has everything that an answer depends on but the weights: template, limits, "
        "search."
    )


def loading(values: dict[str, Any], usage: Usage, examples: bool) -> str:
    """The lines that load it, and those that answer."""
    lines = [*usage.imports, "", *usage.load]
    prompts, limit = values["template"]["prompts"], values["limits"]["max_source_tokens"]
    notes = [f"The prompt is the template filled in, at most {limit} tokens:"]
    if len(prompts) > 1:
        notes[0] = notes[0][:-1] + f" (one of {len(prompts)}; all are in `settings.json`):"
    if examples:
        notes.insert(0, "The worked examples of `demonstrations.jsonl` go before every prompt.")
    return "\n\n".join(
        [
            "## How to use it",
            fenced(lines, "python"),
            "With a `prompt`:",
            fenced(usage.answer, "python"),
            *notes,
            fenced(prompts[0].strip().splitlines(), "text"),
            "In the project that made it, `python -m pipeline.predict` answers files, and shortens what is too long.",
        ]
    )


def fenced(lines: list[str], language: str) -> str:
    """Lines as a block of code, whatever is in them."""
    longest = max([2, *(len(run) for line in lines for run in re.findall("`+", line))])
    fence = "`" * (longest + 1)
    return "\n".join([f"{fence}{language}", *lines, fence])


def scores(values: dict[str, Any]) -> str:
    """The table of test scores; with several seeds the mean of all beside this run's."""
    test = values["test"]
    several = test["seeds"] > 1
    head = ["metric", *(["this run", f"mean of {test['seeds']} seeds"] if several else ["score"]), "95 % interval"]
    rows = [
        [
            name,
            *([f"{one['value']:.2f}"] if several else []),
            f"{one['mean']:.2f}",
            f"{one['low']:.2f} to {one['high']:.2f}",
        ]
        for name, one in test["scores"].items()
    ]
    table = [f"| {' | '.join(row)} |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    return "\n".join(["## Scores", "", f"In points, on the {test['examples']} examples of test.", "", *table])


def training(values: dict[str, Any]) -> str:
    """What its training was."""
    facts = values["training"]
    lines = [f"- Trained parameters: {facts['trainable_parameters']:,} of {facts['total_parameters']:,} in the base"]
    if "steps" in facts:
        lines.append(f"- Optimizer steps: {facts['steps']:,}, learning rate {facts['learning_rate']:g}")
    if "best_validation_loss" in facts:
        lines.append(f"- Validation loss: {facts['best_validation_loss']:.4f} nats per token")
    if "precision" in facts:
        lines.append(f"- Precision: {facts['precision']}{quantized(facts['base_weights'])}")
    versions = ", ".join(f"{name} {version}" for name, version in values["versions"].items())
    where = f" on {facts['device']}" if "device" in facts else ""
    return "\n".join(["## Training", "", *lines, f"- Versions: {versions}{where}"])


def quantized(base_weights: str) -> str:
    """What a card adds where the base was not as it is used."""
    if base_weights not in QUANTIZED:
        return ""
    return f", on the base's weights in {base_weights.removesuffix('bit')} bits; the scores are with the base in fp32"


def origin(values: dict[str, Any]) -> str:
    """Where base and data are from, and their licenses."""
    base, data = values["base"], values["data"]
    hashes = [f"  - `{name}`: SHA-256 `{value}`" for name, value in base["sha256"].items()]
    lines = [
        f"- Base: {base['name']}, {described(base['source'])}; license: {base['license']}. Its weights:",
        *hashes,
        f"- Data: {data['name']}, {described(data['source'])}; license: {data['license']}",
    ]
    if UNKNOWN in (base["license"], data["license"]):
        lines.append(f"\nA license that is {UNKNOWN} is stated neither in these files nor where they are from.")
    return "\n".join(["## Base and data", "", *lines])


def described(source: dict[str, Any]) -> str:
    """An origin in words."""
    if "repo_id" in source:
        return f"`{source['repo_id']}` of the Hugging Face hub at `{source['commit']}`"
    if "requirement" in source:
        return f"`{source['file']}` of the package `{source['requirement']}`"
    return f"read from `{source.get('path', '')}`"
