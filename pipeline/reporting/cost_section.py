"""The section on cost: tables, and what makes their seconds unreliable."""

from typing import Any

from pipeline.core.messages import join_names
from pipeline.evaluation.search_costs import search_notes
from pipeline.reporting import cost_tables
from pipeline.reporting.page import Alert, Block, Chart, Section, note, section

System = dict[str, Any]


def cost_section(methods: list[System], inference: dict[str, Any], charts: dict[str, Chart]) -> Section:
    """inference: of the comparison. charts: `pareto` and `pareto-time` where the page shows charts."""
    blocks: list[Block | None] = [
        busy_alert(methods, inference),
        charts.get("pareto"),
        cost_tables.cost(methods),
        note(
            "Training counts optimizer steps alone; loading, validation and checkpoints have clocks of their own. "
            "Tokens are non-padding tokens."
        ),
        *search(methods),
        cost_tables.memory(methods),
        note(
            "What the process holds, its imports included: the resident set, on a GPU what the allocator has reserved. "
            "The same in training, generation and the measurement of forgetting."
        ),
        charts.get("pareto-time"),
    ]
    for size in inference["by_batch"]:
        blocks += [cost_tables.inference(inference, size), *ranking(inference, size)]
    blocks += [note(measurement(inference)), cost_tables.storage(methods)]
    return section("Cost", *blocks)


def search(methods: list[System]) -> list[Block | None]:
    """What the searches for learning rates took, and what makes them unequal; nothing where nobody is trained."""
    trained = [row for row in methods if row["trainable_parameters"]]
    searches = {row["name"]: row["search"] for row in trained}
    table = cost_tables.search([row for row in trained if row["search"]]) if any(searches.values()) else None
    return [table, *map(note, search_notes(searches))]


def busy_alert(methods: list[System], inference: dict[str, Any]) -> Alert | None:
    """Which seconds were measured while other work took the processor; None where none were."""
    reasons = [f"{phase} of {row['name']} ({reason})" for row in methods for phase, reason in row["busy"].items()]
    if inference["busy"]:
        reasons.append(f"inference ({inference['busy']})")
    if not reasons:
        return None
    return Alert(
        f"Measured on a busy machine: {'; '.join(reasons)}. Do not compare these wall seconds; CPU seconds change less."
    )


def ranking(inference: dict[str, Any], size: str) -> list[Block]:
    """The order of the variants by time, or why there is none, and what the control gave."""
    found = inference["by_batch"][size]
    control = found["control"]
    same = f"{join_names(control['names'])} compute the same, and their medians differ by {control['difference']:.0f} %"
    if not control["holds"]:
        return [Alert(f"No order by time at batch size {size}: {same}, so a difference of other methods can be noise.")]
    if found["ranking"] is None:
        return [note(f"No order by time: {inference['rounds']} rounds are too few for an interval. Control: {same}.")]
    groups = "; then ".join(join_names(group) for group in found["ranking"])
    return [note(f"By time, the fastest first: {groups}. Control: {same}.")]


def measurement(inference: dict[str, Any]) -> str:
    """How inference was measured."""
    loaded = "" if inference["together"] else " Each model was loaded again in every round: together they do not fit."
    prompts = "1 dialogue" if inference["prompts"] == 1 else f"{inference['prompts']} examples"
    return (
        f"Inference: all methods in one process, in {inference['rounds']} interleaved rounds after a warm-up, for the "
        f"same examples ({prompts} at batch size 1); everyone writes {inference['new_tokens']} tokens. Medians with "
        f"95 % intervals.{loaded} Methods are apart where the ratio in the same round is over 1.1 and its interval "
        "excludes 1."
    )
