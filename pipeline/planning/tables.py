"""A plan as text for a terminal, and as JSON."""

from dataclasses import asdict
from typing import Any

from pipeline.core.paths import Paths
from pipeline.planning.method_plan import MethodPlan, Setting
from pipeline.planning.probe import Times
from pipeline.planning.remedies import Remedy
from pipeline.reporting import markdown
from pipeline.reporting.cells import Missing, Text
from pipeline.reporting.page import Column, Row, Table
from pipeline.training.curves import format_duration

ROWS = {
    "weights": "weights of the base",
    "added": "adapter or soft prompt",
    "gradients": "gradients",
    "optimizer": "optimizer states",
    "activations": "activations",
    "temporary": "temporary",
}


def mebibytes(count: int | None) -> Any:
    return Missing("") if count is None else Text(f"{count / 2**20:,.0f}")


def memory_table(plans: list[MethodPlan]) -> str:
    """MiB of each kind at the peak of training, and of generation, by method."""
    columns = (Column("MiB", align="left"), *(Column(plan.method) for plan in plans))
    rows = []

    def add(title: str, values: list[int | None]) -> None:
        rows.append(Row((Text(title), *map(mebibytes, values))))

    for key, title in ROWS.items():
        add(title, [getattr(plan.training, key) if plan.training else None for plan in plans])
    add("libraries, gaps of the heap", [_sum(plan.beside) if plan.training else None for plan in plans])
    add("training in all", [plan.training_total or None for plan in plans])
    add("generation's cache", [plan.generation.cache for plan in plans])
    add("generation in all", [plan.generation_total for plan in plans])
    return markdown.table(Table("memory", columns, tuple(rows)))


def _sum(beside: Any) -> int:
    return beside.libraries + beside.gaps


def to_json(plan: MethodPlan, found: list[Remedy], times: Times | None, available: int) -> dict[str, Any]:
    """Everything that is known of a method, in bytes and seconds."""
    return {
        "training": {**asdict(plan.training), "peak": plan.training.peak} if plan.training else None,
        "generation": {**asdict(plan.generation), "peak": plan.generation.peak},
        "libraries": plan.beside.libraries,
        "heap_gaps": plan.beside.gaps,
        "training_total": plan.training_total,
        "generation_total": plan.generation_total,
        "total": plan.total,
        "fits": plan.total <= available,
        "steps": plan.steps,
        "saved": plan.saved,
        "checkpoints": plan.checkpoints,
        "seconds": asdict(times) if times else None,
        "remedies": [asdict(one) for one in found],
    }


def whole_time(plan: MethodPlan, times: Times | None, setting: Setting, paths: Paths) -> float | None:
    """Seconds of one run's training with its validations, and of its outputs for validation and test."""
    if not times:
        return None
    seconds = 0.0
    if times.step is not None and plan.steps:
        seconds += plan.steps * times.step + setting.train.num_evaluations * (times.validation or 0.0)
    prompts = [paths.prompts(split) for split in ("validation", "test") if paths.prompts(split).exists()]
    examples = sum(sum(1 for line in path.open(encoding="utf-8") if line.strip()) for path in prompts)
    return seconds + times.batch * -(-examples // setting.generate.batch_size)


def describe(
    plans: list[MethodPlan],
    advice: dict[str, list[Remedy]],
    times: dict[str, Times],
    durations: dict[str, float | None],
    setting: Setting,
    available: int,
    disk: int,
    disk_free: int,
    seeds: int,
) -> str:
    """The whole answer for a terminal."""
    known = "the largest batch of data/tokens" if setting.lengths.train else "batches of the longest allowed examples"
    train = setting.train
    accumulated = train.gradient_accumulation_steps
    lines = [
        f"{setting.architecture}, {setting.precision}, batches of {train.batch_size} x {accumulated}; {known}",
        "",
        memory_table(plans),
        f"free: {available / 2**20:,.0f} MiB ({setting.device})",
    ]
    for plan in plans:
        verdict = "fits" if plan.total <= available else "does not fit"
        lines.append(f"{plan.method}: {verdict}, {plan.total / 2**20:,.0f} MiB")
        if plan.method in advice and not advice[plan.method]:
            lines.append("    no change of its training would make it smaller; choose another method or model")
        for one in advice.get(plan.method, []):
            fits = "fits" if one.total <= available else "too much"
            lines.append(f"    {one.total / 2**20:>9,.0f} MiB, {fits}: {one.override}")
    if smaller := [plan.method for plan in plans if plan.training and plan.total <= available]:
        lines.append(f"methods that fit as they are: {', '.join(smaller)}")
    lines.append("")
    lines += [time_line(plan, times[plan.method], durations[plan.method]) for plan in plans if plan.method in times]
    if times:
        whole = seeds * sum(value for value in durations.values() if value)
        lines.append(f"all of them, {seeds} seed(s): {format_duration(whole)}, without scores and further measurements")
    lines.append(f"disk: {disk / 2**20:,.0f} MiB of {disk_free / 2**20:,.0f} that are free")
    return "\n".join(lines)


def time_line(plan: MethodPlan, times: Times, whole: float | None) -> str:
    """42 steps of 0.1 s ..."""
    parts = [f"{plan.steps} steps of {times.step:.2g} s"] if times.step is not None else []
    parts += [f"{times.batch:.2g} s a batch of outputs", f"a run about {format_duration(whole or 0.0)}"]
    return f"{plan.method}: {', '.join(parts)}"
