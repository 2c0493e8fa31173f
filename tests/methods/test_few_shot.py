import pytest

from pipeline.core.errors import InputError
from pipeline.methods import few_shot

PROMPTS = [{"id": number} for number in range(50)]


def test_examples_are_drawn_by_the_seed():
    three = few_shot.Params(num_examples=3)
    drawn = few_shot.demonstrations(PROMPTS, three, 1)
    assert len(drawn) == 3
    assert drawn == few_shot.demonstrations(PROMPTS, three, 1)
    assert drawn != few_shot.demonstrations(PROMPTS, three, 2)


def test_more_examples_than_train_has_are_refused():
    with pytest.raises(InputError, match=r"few_shot\.num_examples=3, but train has 2"):
        few_shot.demonstrations(PROMPTS[:2], few_shot.Params(num_examples=3), 1)
