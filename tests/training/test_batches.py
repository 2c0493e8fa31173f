from pipeline.training.batches import length_grouped_batches

LENGTHS = [(37 * number) % 211 for number in range(400)]


def test_an_epoch_repeats_itself_exactly_and_differs_from_the_next():
    first = length_grouped_batches(LENGTHS, 8, 3, 0)
    assert first == length_grouped_batches(LENGTHS, 8, 3, 0)
    assert first != length_grouped_batches(LENGTHS, 8, 3, 1)
    assert first != length_grouped_batches(LENGTHS, 8, 4, 0)


def test_every_example_comes_once_in_batches_of_similar_lengths():
    batches = length_grouped_batches(LENGTHS, 8, 3, 0)
    assert sorted(number for batch in batches for number in batch) == list(range(400))
    assert {len(batch) for batch in batches} == {8}
    padded = sum(8 * max(LENGTHS[number] for number in batch) for batch in batches)
    assert padded / sum(LENGTHS) < 1.1


def test_the_longest_example_comes_first():
    batches = length_grouped_batches(LENGTHS, 8, 3, 0)
    assert LENGTHS[batches[0][0]] == max(LENGTHS)


def test_the_last_batch_may_be_smaller():
    batches = length_grouped_batches(LENGTHS[:19], 8, 3, 0)
    assert [len(batch) for batch in batches] == [8, 8, 3]
    assert sorted(number for batch in batches for number in batch) == list(range(19))


def test_the_order_is_that_of_transformers():
    import torch
    from transformers.trainer_pt_utils import get_length_grouped_indices

    generator = torch.Generator().manual_seed(3 * 10_007 + 1)
    theirs = get_length_grouped_indices(LENGTHS, 8, generator=generator)
    assert [number for batch in length_grouped_batches(LENGTHS, 8, 3, 1) for number in batch] == theirs
