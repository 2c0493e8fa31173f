"""The comparison as a page: verdict, quality, cost, differences, diagnostics, forgetting, and every output.

Each function makes a section from comparison.json. A new section is a function here and a line in `comparison_page`;
its chart is one of charts.comparison_charts.
"""

from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.pairs import Pair, read_pairs
from pipeline.evaluation.tasks import METRICS, kind_of
from pipeline.reporting import comparison_tables as tables
from pipeline.reporting import forgetting_tables
from pipeline.reporting.benchmark_section import benchmark_section
from pipeline.reporting.cells import Code
from pipeline.reporting.cost_section import cost_section
from pipeline.reporting.diagnostics_table import NOT_SEEN, diagnostics_table
from pipeline.reporting.metric_table import metric_section
from pipeline.reporting.page import (
    Block,
    Chart,
    Page,
    Prose,
    Reader,
    Section,
    SideBySide,
    Strong,
    Warnings,
    note,
    prose,
    section,
)
from pipeline.reporting.soft_prompt_section import soft_prompt_section

System = dict[str, Any]
SIGNATURES = {"rouge": "ROUGE", "bleu": "BLEU", "labels": "Labels", "answers": "Answers"}  # as readers call them


@dataclass(frozen=True)
class Details:
    """What the HTML page shows beyond comparison.json.

    source and fields: those of the task. examples: system -> its rows, in the records' order. charts: those of
    charts.comparison_charts.
    """

    data: str
    model: str
    source: str
    fields: list[str]
    records: list[dict[str, Any]]
    examples: dict[str, list[dict[str, Any]]]
    charts: dict[str, Chart]


def comparison_page(comparison: dict[str, Any], details: Details | None = None) -> Page:
    """The page; without details it has neither charts nor the side-by-side reader."""
    systems = comparison["systems"]
    methods = [row for row in systems if row["kind"] == "method"]
    pairs = read_pairs(comparison)
    sections = [quality(comparison, systems)]
    if methods:
        sections.append(cost_section(methods, comparison["inference"], details.charts if details else {}))
    if comparison.get("metrics"):
        sections.append(metric_section(comparison["metrics"]))
    if details and "training-loss" in details.charts:
        sections.append(losses(details))
    if pairs:
        sections.append(differences(comparison, pairs, details))
    sections.append(diagnostics(systems, details))
    if methods:
        sections.append(forgetting(comparison, methods, details))
    if "benchmark" in comparison:
        sections.append(benchmark_section(comparison["benchmark"]))
    if "soft_prompts" in comparison:
        sections.append(soft_prompt_section(comparison["soft_prompts"]))
    if details:
        sections.append(side_by_side(comparison, details))
    about = f"{comparison['examples']} test examples"
    return Page(
        title=f"Comparison: {details.model} on {details.data}" if details else "Comparison",
        heading="What fine-tuning buys" if details else "",
        about=f"{details.model} on {details.data}, {about}" if details else "",
        headline=tuple(prose(sentence) for sentence in comparison["verdict"]),
        sections=tuple(sections),
        footer="Made by dvc repro.",
    )


def chart(name: str, details: Details | None) -> Chart | None:
    """A chart where there is one: none in Markdown, and none of what was not measured."""
    return details.charts.get(name) if details else None


def quality(comparison: dict[str, Any], systems: list[System]) -> Section:
    signature = comparison["signature"]
    mixed = mixture(comparison)
    blocks: list[Block] = [
        *([mixed] if mixed else []),
        tables.quality(systems, comparison["primary_metric"]),
        note(
            f"Points of 100 with 95 % intervals over {_sample(comparison)}. "
            f"{kind_of([comparison['primary_metric']]).baselines_note}",
            *(word for name, text in signature.items() for word in (f" {SIGNATURES[name]}: ", Code(text), ".")),
        ),
    ]
    if similar := near_duplicates(comparison):
        blocks.append(similar)
        clean = tables.without_near_duplicates(systems)
        blocks += [clean] if clean.rows else []
    return section("Quality", *blocks)


def mixture(comparison: dict[str, Any]) -> Prose | None:
    """What methods were trained on beside the task's own examples; None where that is nothing."""
    if not (mixed := comparison.get("mixture")):
        return None
    further = ", ".join(f"{count:,} of {name}" for name, count in mixed["further"].items())
    total = sum(mixed["further"].values())
    return prose(
        f"Trained on a mixture: {mixed['own']:,} examples of the task and {total:,} of further tasks ({further})."
    )


def near_duplicates(comparison: dict[str, Any]) -> Prose | None:
    """How many test examples are near-duplicates of train; None where none is."""
    first = comparison["systems"][0]
    if not first["near_duplicates"]:
        return None
    counted = f"{first['near_duplicates']} of the {comparison['examples']} test examples are near-duplicates of train"
    if "without_near_duplicates" in first:
        return prose(f"{counted}. Without them:")
    return prose(
        Strong(counted),
        ": the scores say little about new examples, and what is left is too few for scores of its own.",
    )


def losses(details: Details) -> Section:
    drawn = [details.charts[name] for name in ("training-loss", "validation-loss") if name in details.charts]
    return section("Loss", SideBySide(tuple(drawn)), html_only=True)


def differences(comparison: dict[str, Any], pairs: list[Pair], details: Details | None) -> Section:
    title = METRICS[comparison["primary_metric"]].title
    return section(
        f"Differences in {title}",
        chart("differences", details),
        tables.differences(pairs, comparison["examples"], title),
        note(_how_tested(comparison, pairs)),
        spread if (spread := tables.seed_spread(pairs)).rows else None,
    )


def _sample(comparison: dict[str, Any]) -> str:
    """What the intervals are over."""
    examples, seeds = f"{comparison['examples']} examples", len(comparison["seeds"])
    if seeds > 1:
        return f"{seeds} seeds and {examples}; those of systems without seeds over the examples"
    return f"{examples}, of one training each"


def _how_tested(comparison: dict[str, Any], pairs: list[Pair]) -> str:
    corrected = "p corrected for the number of pairs (Holm); significant below 0.05."
    bootstrap = f"bootstrap interval and approximate randomization ({comparison['resamples']:,} resamples)"
    if all(pair.estimate.seeds < 2 for pair in pairs):
        return f"Paired over examples: {bootstrap}, {corrected}"
    return (
        "Paired over seeds and examples: Student's interval and p-value with the variances of both; pairs without "
        f"seeds over examples: {bootstrap}; {corrected}"
    )


def diagnostics(systems: list[System], details: Details | None) -> Section:
    warnings = [f"{row['name']}: {warning}" for row in systems for warning in row.get("warnings", [])]
    return section(
        "Length and diagnostics",
        Warnings(tuple(warnings)) if warnings else None,
        chart("lengths", details),
        diagnostics_table(systems),
        note(
            "References: each reference as if it were an output. A warning means that a fault is more frequent than in "
            f"the references, by more than its limit and chance together. {NOT_SEEN}"
        ),
    )


def forgetting(comparison: dict[str, Any], methods: list[System], details: Details | None) -> Section:
    measured, sentences = methods[0]["forgetting"], comparison["forgetting"]["sentences"]
    if not measured["with_choices"]:
        readings = "None has choices, so what is still known without the wanted form was not measured."
    else:
        share = "All" if measured["with_choices"] == measured["questions"] else f"{measured['with_choices']}"
        readings = (
            f"{share} have choices: the likeliest one shows what is still known, whatever form the model would write "
            "it in, and is the measure of forgetting."
        )
    return section(
        "Forgetting",
        *(prose(sentence) for sentence in sentences),
        chart("accuracy", details),
        forgetting_tables.forgetting(methods),
        note(
            f"{measured['questions']} questions that no method was tuned on, asked with the adapter on. {readings} "
            "Intervals are each method's own, not corrected for the number of methods."
        ),
        *forgetting_tables.by_task(methods),
        forgetting_tables.text_loss(methods),
        note(
            "Cross entropy of held-out texts after their prompts, or of their second halves after their first, in "
            "nats per token: more is worse."
        ),
    )


def side_by_side(comparison: dict[str, Any], details: Details) -> Section:
    """Each example with its references and every system's output."""
    metric = comparison["primary_metric"]
    examples = [
        {
            "id": record["id"],
            "source": record[details.source],
            "fields": {name: record[name] for name in details.fields if name != details.source},
            "references": record["references"],
            "near": record.get("near"),
            "outputs": {name: _output(rows[number], metric) for name, rows in details.examples.items()},
        }
        for number, record in enumerate(details.records)
    ]
    return section("Side by side", Reader(list(details.examples), examples), html_only=True)


def _output(row: dict[str, Any], metric: str) -> dict[str, Any]:
    """A system's output of an example with its score in points and what is to be said of it."""
    score = float(METRICS[metric].score(METRICS[metric].matrix([row])[0], 1)[0])
    notes = [f"{METRICS[metric].title} {score:.0f}"]
    if row.get("chosen", row.get("written")) != row.get("written"):
        notes.append(f"likeliest: {row['chosen']}")
    if (unsupported := row.get("unsupported")) is not None and len(unsupported):
        notes.append(f"unsupported: {', '.join(unsupported)}")
    if row.get("truncated"):
        notes.append("truncated")
    return {"text": row["prediction"], "score": score, "notes": notes}
