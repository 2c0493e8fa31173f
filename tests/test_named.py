"""The check of summaries against what the generator knows of their calls."""

import pytest

from benchmarks import named
from pipeline.core.errors import InputError
from pipeline.parameters.support_calls import SupportCalls
from support_calls.write import record

SIZES = SupportCalls(seed=17, train=1, validation=5, test=20, questions=0, texts=1, rehearsal=1)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_every_reference_names_problem_and_outcome(split):
    for number, call in enumerate(named.calls(SIZES, split)):
        row = record(split, number, call)
        for reference in (row["summary1"], row["summary2"], row["summary3"]):
            assert named.names(reference, call.problems, call)
            assert named.names(reference, call.outcomes, call)


def test_a_reference_of_another_call_does_not():
    calls = named.calls(SIZES, "test")
    pairs = [(one, other) for one in calls for other in calls if one.facts["topic"] != other.facts["topic"]]
    right = [
        named.names(one.references[0], other.problems, other) and named.names(one.references[0], other.outcomes, other)
        for one, other in pairs
    ]
    assert len(pairs) > 300
    assert not any(right)


def test_train_cannot_be_asked_for():
    with pytest.raises(InputError, match="expected test or validation"):
        named.calls(SIZES, "train")
