"""What each method costs: parameters, time, memory, latency and storage. A new column is a line here."""

from collections.abc import Callable
from typing import Any

from pipeline.reporting.cells import Bytes, Cell, Count, Mebibytes, Percent, Seconds, Text, optional
from pipeline.reporting.page import Column, Columns, Table, build_table

System = dict[str, Any]
METHOD = (Column("method", align="left"), lambda row: Text(row["name"]))
PER_SECOND = "Non-padding tokens per second"


def cost(methods: list[System]) -> Table:
    """Parameters and bytes of each method, seconds and tokens per second of its training and generation."""

    def trained(kind: Callable[[Any], Cell], key: str) -> Callable[[System], Cell | None]:
        return lambda row: kind(row["cost"][key]) if row["trainable_parameters"] else None

    columns: Columns = [
        METHOD,
        (Column("trainable", "Parameters that training changes."), lambda row: Count(row["trainable_parameters"])),
        (Column("of", "All parameters of the base model."), lambda row: Count(row["total_parameters"])),
        (Column("share", "Trainable parameters in percent of all."), lambda row: Percent(100 * row["share"], 2)),
        (Column("on disk", "What the method saves beside the base."), lambda row: Bytes(row["bytes"])),
        (Column("training", "Optimizer steps alone."), trained(Seconds, "train_seconds")),
        (Column("tokens/s", f"{PER_SECOND} of training."), trained(Count, "train_tokens_per_second")),
        (
            Column("time to best checkpoint", "Seconds of training until the checkpoint that is kept."),
            trained(Seconds, "seconds_to_best"),
        ),
        (
            Column("generation", "Summaries of all test dialogues, in batches."),
            lambda row: Seconds(row["cost"]["generate_seconds"]),
        ),
        (
            Column("tokens/s", "New tokens per second of generation."),
            lambda row: Count(row["cost"]["generate_tokens_per_second"]),
        ),
    ]
    return build_table("Parameters and time", columns, methods, show_name=True)


def memory(methods: list[System]) -> Table:
    """Peak memory of each phase."""

    def peak(key: str) -> Callable[[System], Cell | None]:
        return lambda row: optional(Mebibytes, row["cost"][f"{key}_peak_mib"])

    columns: Columns = [
        METHOD,
        (Column("loading", "Loading the tuned model, to generate."), peak("load")),
        (Column("training", "Optimizer steps."), peak("train")),
        (Column("generation", "Summaries of all test dialogues."), peak("generate")),
    ]
    return build_table("Memory", columns, methods, show_name=True)


def inference(methods: list[System]) -> Table:
    """Latency and throughput, extra prompt tokens and bytes of ten tasks; a row for each way a method can be served."""

    def timed(position: int, key: str, kind: Callable[..., Cell], *digits: int) -> Callable[[Any], Cell | None]:
        return lambda item: kind(item[1][position][key], *digits)

    columns: Columns = [
        (Column("method", align="left"), lambda item: Text(item[0])),
        (Column("batch size 1", "Seconds per prompt at batch size 1."), timed(0, "seconds_per_prompt", Seconds, 3)),
        (Column("tokens/s", "New tokens per second at batch size 1."), timed(0, "tokens_per_second", Count)),
        (Column("batched", "Seconds per prompt in a full batch."), timed(-1, "seconds_per_prompt", Seconds, 3)),
        (Column("tokens/s", "New tokens per second in a full batch."), timed(-1, "tokens_per_second", Count)),
        (
            Column("extra prompt tokens", "Tokens a method puts before each prompt, mean."),
            lambda item: Count(item[2]["extra_prompt_tokens"]),
        ),
        (
            Column("ten tasks on disk", "Ten full models, or one base with ten adapters."),
            lambda item: Bytes(item[2]["bytes_of_ten_tasks"]),
        ),
    ]
    return build_table("Inference and storage", columns, _served(methods), show_name=True)


def _served(methods: list[System]) -> list[tuple[str, list[dict[str, float]], System]]:
    """(name, timings by batch size with 1 first, method) for each variant that was timed: merged and unmerged LoRA."""
    rows = []
    for row in methods:
        timings = {name: timing for name, timing in row["inference"].items() if name != "prompts"}
        for variant in dict.fromkeys(name.partition(",")[0] for name in timings):
            each = [timing for name, timing in timings.items() if name.startswith(f"{variant},")]
            name = row["name"] if variant in ("as it is", "merged") else f"{row['name']}, {variant}"
            rows.append((name, each, row))
    return rows


def largest_batch(methods: list[System]) -> int:
    """The size of the batch that inference was timed in."""
    return max(int(name.rpartition(" ")[2]) for name in methods[0]["inference"] if name != "prompts")
