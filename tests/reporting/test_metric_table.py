"""The heat table in Markdown: the best, those level with it, and what a number means."""

from pipeline.reporting import markdown
from pipeline.reporting.cells import Estimated, Missing, Shaded
from pipeline.reporting.metric_table import metric_section, yardsticks
from pipeline.reporting.page import Page


def metric(means: dict[str, float], worse: tuple[str, ...] = (), **changes) -> dict:
    rising = changes.get("higher_is_better", True)
    best = (max if rising else min)(means, key=means.__getitem__)
    return {
        **{"group": "Quality", "name": "ROUGE-1", "meaning": "As above.", "digits": 1, "items": 30},
        "higher_is_better": rising,
        "systems": {name: {"mean": mean, "low": mean - 1, "high": mean + 1} for name, mean in means.items()},
        "best": best,
        "differences": {name: {"significant": name in worse} for name in means if name != best},
        **changes,
    }


def rendered(*metrics: dict) -> str:
    return markdown.render(Page("t", "", (), (metric_section(list(metrics)),)), legends=False)


def test_the_best_is_bold_and_those_level_with_it_are_marked():
    text = rendered(metric({"zero_shot": 10.0, "lora": 60.0, "full": 61.0}, worse=("zero_shot",)))
    (row,) = [line for line in text.splitlines() if "ROUGE-1" in line]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells == [
        *("ROUGE-1 ↑", "30", "10.0 [9.0, 11.0]"),
        *("60.0 [59.0, 61.0] ≈", "**61.0 [60.0, 62.0]**"),
    ]


def test_where_less_is_better_the_smallest_is_the_best_and_darkest():
    error = metric({"lora": 4.0, "full": 8.0}, group="Calibration", name="error", higher_is_better=False)
    table = next(block for block in metric_section([error]).blocks if hasattr(block, "rows"))
    lora, full = table.rows[1].cells[2:]
    assert lora == Shaded(Estimated(4, 3, 5), 1.0, best=True)
    assert full == Shaded(Estimated(8, 7, 9), 0.0, level=True)


def test_a_group_is_named_once_and_what_was_not_measured_is_left_open():
    first = metric({"lora": 1.0, "published": 2.0})
    second = metric({"lora": 1.0}, name="BLEU", people=3.21)
    table = next(block for block in metric_section([first, second]).blocks if hasattr(block, "rows"))
    assert [(str(row.cells[0]), row.muted) for row in table.rows] == [
        *(("Quality", True), ("ROUGE-1 ↑", False), ("BLEU ↑", False)),
    ]
    assert table.rows[2].cells[3] == Missing()


def test_equal_systems_have_one_colour():
    table = next(
        block for block in metric_section([metric({"lora": 1.0, "full": 1.0})]).blocks if hasattr(block, "rows")
    )
    assert {cell.shade for cell in table.rows[1].cells[2:]} == {1.0}


def test_what_people_score_and_what_chance_shows_is_said():
    error = metric({"lora": 4.0}, name="error", people=3.21, by_chance={"lora": 3.14, "full": 5.0})
    assert yardsticks([error]) == [
        "error: the references have 3.2.",
        "error: with these confidences and 30 answers a perfectly calibrated model would show 3.1 to 5.0.",
    ]
