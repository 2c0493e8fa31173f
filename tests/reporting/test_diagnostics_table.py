"""The table of diagnostics: the references first, then every system that has summaries."""

from pipeline.reporting.diagnostics_table import diagnostics_table

PEOPLE = {
    **{"truncated": None, "empty": 0.0, "repeats": 2.0, "unsupported": 3.1},
    **{"words": 19.0, "length_ratio": None, "novel_bigrams": 79.3},
}
OWN = PEOPLE | {"truncated": 8.0, "repeats": 16.0, "length_ratio": 1.11}


def cells(systems):
    return [[str(cell) for cell in row.cells] for row in diagnostics_table(systems).rows]


def test_the_references_have_a_row_of_their_own_before_the_systems():
    lora = {"name": "lora", "diagnostics": OWN, "reference_diagnostics": PEOPLE}
    assert cells([{"name": "lead"}, lora, lora | {"name": "full"}]) == [
        ["references", "-", "0 %", "2 %", "3 %", "19.0", "-", "79 %"],
        ["lora", "8 %", "0 %", "16 %", "3 %", "19.0", "1.11", "79 %"],
        ["full", "8 %", "0 %", "16 %", "3 %", "19.0", "1.11", "79 %"],
    ]
    assert [row.muted for row in diagnostics_table([lora]).rows] == [True, False]


def test_without_summaries_there_are_no_rows():
    assert cells([{"name": "lead"}]) == []
