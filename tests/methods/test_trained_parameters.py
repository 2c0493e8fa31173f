"""What each method trains: as many parameters as its paper says, and nothing else."""

import pytest

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.models.tuned import trained_parameters
from tests import tiny

WIDTH, KEYS = 32, 16  # of the tiny models, the latter of two key heads; the feed-forward layers are twice as wide
LAYERS = {
    "seq2seq": [(WIDTH, WIDTH)] * 4 * (2 + 2 * 2) + [(WIDTH, 64), (WIDTH, 64), (64, WIDTH)] * (2 + 2),
    "causal": ([(WIDTH, WIDTH), (WIDTH, KEYS)] * 2 + [(WIDTH, 64), (WIDTH, 64), (64, WIDTH)]) * 2,
}
EXPECTED = {
    "ia3": (2 * WIDTH * (2 + 2 * 2) + 64 * (2 + 2), (2 * KEYS + 64) * 2),
    "ln_tuning": (WIDTH * (2 * 2 + 1 + 3 * 2 + 1), WIDTH * (2 * 2 + 1)),
    "dora": tuple(sum(6 * (ins + outs) + outs for ins, outs in LAYERS[name]) for name in LAYERS),
    "adalora": tuple(sum(9 * (ins + 1 + outs) for ins, outs in LAYERS[name]) for name in LAYERS),
    "lora": tuple(sum(6 * (ins + outs) for ins, outs in LAYERS[name]) for name in LAYERS),
    "prompt_tuning": (20 * WIDTH, 20 * WIDTH),
    "prefix_tuning": (20 * 2 * 2 * WIDTH, 20 * 2 * 2 * KEYS),
    "p_tuning": (20 * WIDTH + (WIDTH + 1) * 128 + 129 * 128 + 129 * WIDTH,) * 2,
}


def trained(base, architecture, method, **changes):
    model = tiny.adapt(tiny.load(base, architecture), method, **changes)
    return {name: value.shape for name, value in trained_parameters(model.network).items()}


@pytest.mark.parametrize("method", EXPECTED)
def test_as_many_parameters_are_trained_as_papers_say(base, architecture, method):
    sizes = [shape.numel() for shape in trained(base, architecture, method).values()]
    assert sum(sizes) == EXPECTED[method][architecture == "causal"]


def test_no_method_that_trains_is_without_a_count():
    assert set(EXPECTED) | {"full"} == {name for name in methods.names() if hasattr(methods.find(name), "adapt")}


def test_full_fine_tuning_trains_everything(base, architecture):
    whole = {name: value.shape for name, value in tiny.load(base, architecture).network.named_parameters()}
    assert trained(base, architecture, "full") == whole


def test_lora_by_pefts_choice_trains_query_and_value_alone(seq2seq_base):
    lora = trained(seq2seq_base, "seq2seq", "lora", target_modules=None)
    assert all(".q.lora_" in name or ".v.lora_" in name for name in lora)
    assert len(lora) == 2 * 2 * (2 + 2 * 2)  # A and B, q and v, 2 encoder and 2 x 2 decoder attentions


def test_lora_in_all_linear_layers_leaves_the_outputs_out(seq2seq_base):
    assert len(trained(seq2seq_base, "seq2seq", "lora")) == 2 * (4 * (2 + 2 * 2) + 3 * (2 + 2))


@pytest.mark.parametrize("method", ["lora", "dora", "adalora", "ia3", "ln_tuning"])
def test_an_unknown_target_module_is_refused_by_its_key(seq2seq_base, method):
    with pytest.raises(InputError, match=rf"^{method}\.target_modules: "):
        tiny.adapt(tiny.load(seq2seq_base, "seq2seq"), method, target_modules=["nothing"])


def test_an_unknown_method_is_refused_with_those_that_exist():
    with pytest.raises(InputError, match=r"methods: unknown method 'guess'; there are adalora, dora, "):
        methods.find("guess")
