"""Changes of how an input is written: what they change, and what they leave alone."""

import random

import pytest

from pipeline.perturbing.robustness import (
    CONTRACTIONS,
    WRITTEN_OUT,
    contractions,
    fillers,
    lower_case,
    speaker_exchange,
    typos,
)

CALL = "#Person1#: Falcon Rail, my name is Martin Fields.\n#Person2#: Hello, could you please change ticket 54201?"


def test_typos_spare_names_numbers_and_speakers_and_leave_as_many_words():
    for seed in range(50):
        text = typos(CALL, random.Random(seed), share=0.1)
        assert text != CALL
        before, after = CALL.split(), text.split()
        assert len(before) == len(after)
        changed = [(old, new) for old, new in zip(before, after) if old != new]
        assert len(changed) == 1  # one of its six words of four letters or more
        old, new = changed[0]
        assert old.islower()
        assert new[0] == old[0]
        assert abs(len(new) - len(old)) <= 1
    assert typos("OK. 12 of us.", random.Random(0), share=0.1) == "OK. 12 of us."


def test_typos_are_drawn_by_the_seed():
    assert typos(CALL, random.Random(3), share=0.1) == typos(CALL, random.Random(3), share=0.1)
    assert len({typos(CALL, random.Random(seed), share=0.1) for seed in range(20)}) > 5


def test_lower_case_of_scripts_without_one_is_the_text():
    assert lower_case("Ärger, Straße", random.Random(0)) == "ärger, straße"
    assert lower_case("你好", random.Random(0)) == "你好"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A: Good morning.", ("A: Um, good morning.", "A: Well, good morning.")),
        ("A: I see.", ("A: Um, I see.", "A: So, I see.")),
        ("Martin is late.", ("Um, Martin is late.", "You know, Martin is late.")),
        ("#Person1#: Yes.", ("#Person1#: Uh, yes.",)),
    ],
)
def test_a_filler_begins_a_turn(text, expected):
    drawn = {fillers(text, random.Random(seed), share=0.3) for seed in range(100)}
    assert set(expected) <= drawn
    assert len(drawn) == 6


def test_three_of_ten_turns_get_a_filler():
    text = "\n".join(f"A: It is {number}." for number in range(10))
    assert (
        sum(
            one != other for one, other in zip(text.split("\n"), fillers(text, random.Random(0), share=0.3).split("\n"))
        )
        == 3
    )
    assert fillers("", random.Random(0), share=0.3) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am late, and I don't know why.", "I'm late, and I do not know why."),
        ("We'll see; it is fine. It's not.", "We will see; it's fine. It is not."),
        ("Do not go. Won't you?", "Don't go. Won't you?"),
        ("Here it is, 54201.", "Here it is, 54201."),
        ("You’re right, he didn't, did not he?", "You are right, he did not, didn't he?"),
        ("Kevin's is taken. CANNOT.", "Kevin's is taken. Can't."),
        ("I've been", "I have been"),
    ],
)
def test_contractions_and_long_forms_change_places(text, expected):
    assert contractions(text, random.Random(0)) == expected


def test_every_contraction_has_one_long_form():
    assert len(WRITTEN_OUT) == len(CONTRACTIONS)


@pytest.mark.parametrize(
    ("text", "about", "expected"),
    [
        ("#Person1#: Hi.\n#Person2#: Yes?", "#Person1# greets #Person2#.", "#Person2# greets #Person1#."),
        ("Amanda: Hi Jerry!\nJerry: Hi.", "Amanda meets Jerry's Amanda-Lou.", "Jerry meets Amanda's Jerry-Lou."),
        ("Agent: Hi.\nCustomer: Oh.\nGuest 2: No.", "Agent, Customer, Guest 2", "Customer, Guest 2, Agent"),
        ("A: Hi.", "A greets.", "A greets."),
        ("Note: this.\nNothing else.\nNor here.", "Note", "Note"),
        ("It is 10:30. Ann: yes", "Ann", "Ann"),
    ],
)
def test_speakers_change_places_in_the_dialogue_and_in_what_is_said_of_it(text, about, expected):
    assert speaker_exchange(text)(about) == expected
