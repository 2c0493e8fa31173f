"""Near-duplicates, planted and not."""

import random

import pytest

from pipeline.evaluation import near_duplicates


def texts(count, seed, words=80):
    rng = random.Random(seed)
    vocabulary = [f"word{number}" for number in range(3000)]
    return [" ".join(rng.choices(vocabulary, k=words)) for _ in range(count)]


def recorded(prefix, examples):
    return [{"id": f"{prefix}{number}", "dialogue": text} for number, text in enumerate(examples)]


def test_jaccard_by_hand():
    # a b c, b c d, c d e against a b c, b c x: one of four.
    one, other = near_duplicates.trigrams("A b c d e"), near_duplicates.trigrams("a B c x")
    assert near_duplicates.jaccard(one, other) == pytest.approx(1 / 4)
    assert (
        near_duplicates.jaccard(near_duplicates.trigrams("Hello there"), near_duplicates.trigrams("hello, THERE!")) == 1
    )


def test_a_dialogue_changed_in_a_few_words_is_found():
    train = texts(300, 1)
    changed = [
        " ".join(["changed" if at == 40 else word for at, word in enumerate(text.split())]) for text in train[:50]
    ]
    found = near_duplicates.nearest(recorded("t", train), recorded("h", changed + texts(50, 2)), ["dialogue"], 0.7)
    assert {held: train_id for held, (train_id, _) in found.items()} == {f"h{k}": f"t{k}" for k in range(50)}
    assert all(0.9 < alike < 1 for _, alike in found.values())


def test_the_threshold_is_exact():
    words = [f"w{number}" for number in range(102)]  # 100 trigrams
    half = words[:52] + [f"other{number}" for number in range(50)]  # shares 50 of 150
    pair = recorded("t", [" ".join(words)]), recorded("h", [" ".join(half)])
    assert near_duplicates.nearest(*pair, ["dialogue"], threshold=1 / 3)["h0"] == ("t0", pytest.approx(1 / 3))
    assert near_duplicates.nearest(*pair, ["dialogue"], threshold=0.334) == {}


def test_unrelated_examples_are_not_alike():
    assert near_duplicates.nearest(recorded("t", texts(200, 3)), recorded("h", texts(200, 4)), ["dialogue"], 0.3) == {}


def test_an_empty_side_has_no_duplicates():
    assert near_duplicates.nearest([], recorded("h", texts(3, 1)), ["dialogue"], 0.5) == {}


def test_texts_without_spaces_are_compared_by_their_characters():
    train = [
        "小明：我要预订一张明天去北京的机票，靠窗的座位。小红：好的，没有问题，请稍等。",
        "今天天气很好，我们去公园散步吧，然后一起吃饭，好不好？",
    ]
    held = [train[0].replace("明天", "后天"), "你的电脑坏了吗？请把它拿到我们的店里来修理，谢谢你的理解和支持。"]
    found = near_duplicates.nearest(recorded("t", train), recorded("h", held), ["dialogue"], 0.5)
    assert {name: other for name, (other, _) in found.items()} == {"h0": "t0"}
    assert len(near_duplicates.trigrams("我要预订机票") & near_duplicates.trigrams("我要预订车票")) == 0


def test_marks_are_parts_of_words():
    assert near_duplicates.trigrams("कमल किताब की") != near_duplicates.trigrams("कमला कताब को")
    assert near_duplicates.trigrams("cafe\u0301 a b c") == near_duplicates.trigrams("café a b c")


def test_texts_without_any_word_are_alike_only_if_they_are_equal():
    assert near_duplicates.jaccard(near_duplicates.trigrams("!!!"), near_duplicates.trigrams("😀 😀")) == 0
    assert near_duplicates.jaccard(near_duplicates.trigrams("!!!"), near_duplicates.trigrams("!!!")) == 1


def test_the_candidates_are_those_of_an_index_of_train(monkeypatch):
    """Which side is indexed, and how much of train is read at a time, changes nothing."""
    from datasketch import MinHash, MinHashLSH

    rng, train = random.Random(7), texts(150, 5)
    train += train[:20]  # equal ones: the largest id counts

    def changed(text, share):
        return " ".join(f"new{rng.random()}" if rng.random() < share else word for word in text.split())

    held = [changed(train[number], 0.003 * number) for number in range(150)]
    records, others = recorded("t", train), recorded("h", held)
    for threshold in (0.3, 0.7):
        index = MinHashLSH(threshold=0.75 * threshold, num_perm=128, weights=(0.1, 0.9))
        grams = {one["id"]: near_duplicates.trigrams(one["dialogue"]) for one in [*records, *others]}
        sketches = {}
        for name, found in grams.items():
            sketches[name] = MinHash(num_perm=128)
            sketches[name].update_batch([" ".join(run).encode() for run in found])
        for one in records:
            index.insert(one["id"], sketches[one["id"]])
        expected = {}
        for one in others:
            name = one["id"]
            alike = [(near_duplicates.jaccard(grams[name], grams[t]), t) for t in index.query(sketches[name])]
            if alike and max(alike)[0] >= threshold:
                expected[name] = max(alike)[::-1]
        assert 15 < len(expected) < 100
        for at_a_time in (7, 1000):
            monkeypatch.setattr(near_duplicates, "AT_A_TIME", at_a_time)
            assert near_duplicates.nearest(iter(records), others, ["dialogue"], threshold) == expected
