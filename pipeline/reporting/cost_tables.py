"""What each method costs: parameters, time, memory, latency and storage. A new column is a line here."""

from collections.abc import Callable
from typing import Any

from pipeline.reporting.cells import Bytes, Cell, Count, Measured, Mebibytes, Percent, Seconds, Text, measured
from pipeline.reporting.page import Column, Columns, Table, build_table

System = dict[str, Any]
METHOD = (Column("method", align="left"), lambda row: Text(row["name"]))
CPU = "CPU seconds of all threads together; other work on the machine changes them less than wall seconds."


def cost(methods: list[System]) -> Table:
    """Parameters and bytes of each method, wall and CPU seconds of its training and generation."""

    def trained(cell: Callable[[dict[str, Any]], Cell | None]) -> Callable[[System], Cell | None]:
        return lambda row: cell(row["cost"]) if row["trainable_parameters"] else None

    def seconds(key: str) -> Callable[[dict[str, Any]], Cell | None]:
        return lambda costs: None if costs[key] is None else Measured(costs[key], unit="s")

    columns: Columns = [
        METHOD,
        (Column("trainable", "Parameters that training changes."), lambda row: Count(row["trainable_parameters"])),
        (Column("of", "All parameters of the base model."), lambda row: Count(row["total_parameters"])),
        (Column("share", "Trainable parameters in percent of all."), lambda row: Percent(100 * row["share"], 2)),
        (Column("training", "Wall seconds of optimizer steps alone."), trained(seconds("train_seconds"))),
        (Column("training, CPU", CPU), trained(seconds("train_cpu_seconds"))),
        (
            Column("tokens/s", "Non-padding tokens per second of training: median and quartiles over its log entries."),
            trained(lambda costs: measured(costs["train_tokens_per_second"])),
        ),
        (
            Column("time to best checkpoint", "Wall seconds of training until the checkpoint that is kept."),
            trained(seconds("seconds_to_best")),
        ),
        (
            Column("generation", "Wall seconds of the outputs of all test examples, in batches."),
            lambda row: seconds("generate_seconds")(row["cost"]),
        ),
        (Column("generation, CPU", CPU), lambda row: seconds("generate_cpu_seconds")(row["cost"])),
    ]
    return build_table("Parameters and time", columns, methods, show_name=True)


def search(methods: list[System]) -> Table:
    """What was spent on finding each method's learning rate, on validation, before it was trained as above."""
    columns: Columns = [
        METHOD,
        (
            Column("learning rates", "The values that were tried.", align="left"),
            lambda row: Text(", ".join(f"{value:g}" for value in row["search"]["values"])),
        ),
        (Column("used", "The value of this comparison."), lambda row: Text(f"{row['search']['used']:g}")),
        (
            Column("trainings", "Those of the search: each value with each of its seeds."),
            lambda row: Count(row["search"]["trainings"]),
        ),
        (
            Column("search, CPU", "CPU seconds of all of them, optimizer steps alone."),
            lambda row: Seconds(row["search"]["cpu_seconds"]),
        ),
    ]
    return build_table("Search for the learning rate", columns, methods, show_name=True)


def memory(methods: list[System]) -> Table:
    """Peak memory of each phase, absolute and above the loaded model."""

    def mebibytes(phase: str, key: str) -> Callable[[System], Cell | None]:
        return lambda row: Mebibytes(row["memory"][phase][key]) if row["memory"][phase] else None

    columns: Columns = [METHOD]
    for phase in ("training", "generation", "forgetting"):
        columns += [
            (Column(phase, f"Peak of the whole process during {phase}."), mebibytes(phase, "peak")),
            (
                Column(
                    "above the model", f"The peak during {phase} minus what the process held with the model loaded."
                ),
                mebibytes(phase, "above_model"),
            ),
        ]
    columns.append(
        (
            Column("imports", "Of each peak, what the process held after importing torch, transformers and PEFT."),
            mebibytes("generation", "imports"),
        )
    )
    return build_table("Memory", columns, methods, show_name=True)


def inference(costs: dict[str, Any], size: str) -> Table:
    """Seconds of each variant at one size of the batch; costs: `inference` of the comparison."""

    def figure(key: str, unit: str = "") -> Callable[[tuple[str, dict[str, Any]]], Cell]:
        return lambda item: measured(item[1]["batches"][size][key], unit)

    text = f"an output of {costs['new_tokens']} tokens"
    reference = costs["by_batch"][size]["reference"]
    columns: Columns = [
        (Column("method", align="left"), lambda item: Text(item[0])),
        (Column("first token", "Wall seconds until a batch has its first token."), figure("first_seconds", "s")),
        (Column("further token", "Wall time of each further token of a batch."), figure("token_milliseconds", "ms")),
        (Column("output", f"Wall seconds of {text}."), figure("seconds", "s")),
        (Column("output, CPU", f"CPU seconds of {text}, all threads together."), figure("cpu_seconds", "s")),
        (
            Column("relative", f"Wall seconds of {text} divided by those of {reference} in the same round."),
            figure("relative"),
        ),
    ]
    return build_table(f"Inference, batch size {size}", columns, costs["variants"].items(), show_name=True)


def storage(methods: list[System]) -> Table:
    """Tokens that a method adds to every prompt, and its bytes."""
    columns: Columns = [
        METHOD,
        (
            Column("extra prompt tokens", "Tokens a method puts before each prompt, mean."),
            lambda row: Count(row["extra_prompt_tokens"]),
        ),
        (Column("on disk", "What the method saves beside the base."), lambda row: Bytes(row["bytes"])),
        (
            Column("ten tasks on disk", "Ten full models, or one base with ten adapters."),
            lambda row: Bytes(row["bytes_of_ten_tasks"]),
        ),
    ]
    return build_table("Prompts and storage", columns, methods, show_name=True)
