"""AdaLoRA, the method that does more than gradient steps: its penalty, its ranks and their checkpoints."""

import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.models.tuned import load_tuned, save_tuned
from tests import tiny


def result(trainer):
    """The trained weights and the ranks that a training ends with, and its losses."""
    network = trainer.model.network
    weights = {name: value.tolist() for name, value in network.named_parameters() if value.requires_grad}
    losses = [
        {key: entry[key] for key in ("loss", "validation_loss") if key in entry} for entry in trainer.progress.history
    ]
    return weights | {"ranks": network.peft_config["default"].rank_pattern}, losses


PHASES = {"train": {"num_evaluations": 8}, "num_train_epochs": 8, "tinit": 0.125, "tfinal": 0.25}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path_factory.mktemp("whole"), "adalora", **PHASES)
    trainer.train()
    return result(trainer)


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 8, 14])
def test_it_resumes_to_the_same_bytes_in_each_of_its_phases(tmp_path, seq2seq_base, uninterrupted, step):
    """16 steps, of which the 3rd to the 12th reduce ranks; a checkpoint holds what these depend on."""
    stop_after(tiny.trainer(seq2seq_base, tmp_path, "adalora", **PHASES), step)
    resumed = tiny.trainer(seq2seq_base, tmp_path, "adalora", **PHASES)
    assert resumed.checkpoints.newest().name == f"step-{step}"
    resumed.train()
    assert result(resumed) == uninterrupted


def stop_after(trainer, step):
    """Train until a checkpoint is written, and no further."""

    class Stop(Exception):
        pass

    advance = trainer.curves.advance

    def stop():
        advance()
        if trainer.progress.step == step + 1:
            raise Stop

    trainer.curves.advance = stop
    with pytest.raises(Stop):
        trainer.train()


@pytest.mark.slow
@pytest.mark.parametrize(("validation_losses", "best"), [((3.0, 2.0, 1.0), 10), ((1.0, 2.0, 3.0), 4)])
def test_it_keeps_the_ranks_of_its_best_checkpoint(tmp_path, seq2seq_base, validation_losses, best):
    trainer = tiny.trainer(seq2seq_base, tmp_path, "adalora", num_train_epochs=5, learning_rate=0.01)
    evaluate, trainer.evaluate = trainer.evaluate, iter(validation_losses).__next__
    assert trainer.train().best_step == best
    network = trainer.model.network
    values = [value for name, value in network.named_parameters() if ".lora_E." in name]
    ranks = [sum(pattern) for pattern in network.peft_config["default"].rank_pattern.values()]
    assert ranks == [int((value != 0).sum()) for value in values]
    # target_r is their mean in the end; at step 4 there are more
    assert (sum(ranks) == 6 * len(ranks)) == (best == 10)
    trainer.evaluate = evaluate
    assert_saved_models_have_the_loss(trainer, seq2seq_base, tmp_path, evaluate(), 1e-4)


@pytest.mark.slow
def test_a_matrix_may_lose_all_of_its_rank(tmp_path, seq2seq_base, recwarn):
    trainer = tiny.trainer(seq2seq_base, tmp_path, "adalora", num_train_epochs=4)
    trainer.train()
    with torch.no_grad():
        for name, value in trainer.model.network.named_parameters():
            if ".lora_E." in name:
                value.copy_(torch.arange(9)[:, None] % 2 if ".q." in name else torch.zeros(9, 1))
    trainer.hooks.restore({})
    assert_saved_models_have_the_loss(trainer, seq2seq_base, tmp_path, trainer.evaluate(), 1e-5)
    assert not [one for one in recwarn if "rank" in str(one.message) or "shape" in str(one.message)]


def assert_saved_models_have_the_loss(trainer, base, folder, loss, tolerance):
    """Save what was trained; loaded merged and unmerged, it has the same validation loss."""
    save_tuned(trainer.model, folder / "saved")
    for merge in (True, False):
        trainer.model = load_tuned(base, folder / "saved", "seq2seq", chat=None, merge=merge)
        assert trainer.evaluate() == pytest.approx(loss, rel=tolerance)


def test_its_penalty_is_pefts_own(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path, "adalora", orth_reg_weight=0.3)
    model, penalty = trainer.model, trainer.hooks.penalty()
    batch = model.collate(tiny.examples(model))
    total, labels = model.loss(batch)
    torch.testing.assert_close(model.network(**batch).loss, total / labels + penalty)
    assert penalty > 0.1


def test_its_penalty_is_minimized_and_is_not_in_the_curve(tmp_path, seq2seq_base):
    trainer = tiny.trainer(seq2seq_base, tmp_path, "adalora", orth_reg_weight=100.0, learning_rate=0.03)
    before = trainer.hooks.penalty().item()
    progress = trainer.train()
    assert max(entry["loss"] for entry in progress.history if "loss" in entry) < before / 10
    assert trainer.hooks.penalty().item() < before * 0.95


@pytest.mark.slow
def test_its_penalty_counts_once_for_all_accumulated_batches(tmp_path, seq2seq_base):
    weights = []
    for size, accumulated in ((4, 1), (2, 2)):
        settings = {"batch_size": size, "gradient_accumulation_steps": accumulated}
        trainer = tiny.trainer(
            seq2seq_base, tmp_path / str(size), "adalora", train=settings, orth_reg_weight=10.0, num_train_epochs=4
        )
        trainer.train()
        trained = [value for value in trainer.model.network.parameters() if value.requires_grad]
        weights.append(torch.cat([value.detach().flatten() for value in trained]))
    torch.testing.assert_close(weights[1], weights[0], rtol=0, atol=1e-4)


def test_a_training_without_steps_to_reduce_ranks_in_is_refused(tmp_path, seq2seq_base):
    with pytest.raises(InputError, match=r"^adalora: 2 steps, of which"):
        tiny.trainer(seq2seq_base, tmp_path, "adalora", num_train_epochs=1, tfinal=0.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_r": 9}, r"^adalora: target_r=9 must be below init_r=9"),
        ({"tinit": 0.5, "tfinal": 0.5}, r"^adalora: tinit=0\.5 and tfinal=0\.5 are shares"),
    ],
)
def test_ranks_that_cannot_shrink_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        tiny.method_params("adalora", **changes)


def test_weights_that_no_token_reached_count_as_unmoved(tmp_path, seq2seq_base):
    """As those of an expert in a mixture of experts, which have no gradient at such a step."""
    trainer = tiny.trainer(seq2seq_base, tmp_path, "adalora", **PHASES)
    for name, value in trainer.model.network.named_parameters():
        if value.requires_grad and "decoder" not in name:
            value.grad = torch.ones_like(value)
    trainer.hooks.after_optimizer_step(1)
    sensitivities = trainer.model.network.base_model.rankallocator.ipt
    sums = {name: value.sum() for name, value in sensitivities.items() if ".lora_A." in name}
    assert all((value == 0) == ("decoder" in name) for name, value in sums.items())
