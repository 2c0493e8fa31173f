"""An array of JSON that is read in parts gives what json reads at once, and names the same places."""

import json

import pytest

from pipeline.core.errors import InputError
from pipeline.tables import json_text
from pipeline.tables.rows import rows

ROWS = [{"id": number, "text": f"line\n{number} é 🎉 ]}}", "more": [{"a": [number] * number}]} for number in range(9)]
LAYOUTS = {"one line": None, "indented": 1}


@pytest.fixture(params=[1, 7, 100, 2**16])
def at_a_time(request, monkeypatch):
    monkeypatch.setattr(json_text, "AT_A_TIME", request.param)
    return request.param


@pytest.mark.parametrize("indent", LAYOUTS.values(), ids=LAYOUTS)
def test_an_array_is_the_same_in_parts_of_any_size(tmp_path, at_a_time, indent):
    path, text = tmp_path / "x.json", json.dumps(ROWS, indent=indent, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    found = list(rows(path))
    assert [row for _, row in found] == ROWS
    starts = [text.index(f'"id": {number}') for number in range(len(ROWS))]
    opened = [text.rindex("{", 0, start) for start in starts]
    lines = [text.count("\n", 0, position) + 1 for position in opened]
    assert [where for where, _ in found] == [f"{path}:{line} (element {n})" for n, line in enumerate(lines, 1)]


@pytest.mark.parametrize("indent", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("at", [0.1, 0.5, 0.7])
def test_a_fault_is_named_by_the_line_and_the_column_that_json_names(tmp_path, at_a_time, indent, at):
    text = json.dumps(ROWS, indent=indent, ensure_ascii=False)
    cut = text.index('"text": ', int(at * len(text))) + len('"text": ')
    broken = f"{text[:cut]}?{text[cut:]}"
    path = tmp_path / "x.json"
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(broken)
    with pytest.raises(InputError) as refusal:
        list(rows(path))
    fault = expected.value
    assert str(refusal.value) == f"{path}:{fault.lineno}: not JSON: {fault.msg} at column {fault.colno}"
