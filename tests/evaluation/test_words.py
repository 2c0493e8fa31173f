"""Words of texts in many scripts, and the codes of languages."""

import random
import unicodedata

import pytest

from pipeline.core.errors import InputError
from pipeline.core.params import parse_section
from pipeline.evaluation import words as splitting
from pipeline.evaluation.language_check import LIKELY_LANGUAGE, check_language
from pipeline.evaluation.words import count_words, parts, runs, sentences, words
from pipeline.parameters.languages import parse_language
from pipeline.parameters.score import Score
from tests.systems import SETTINGS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#Person1# paid Anna's $1,200 at 12:30.", ["#Person1#", "paid", "Anna's", "1,200", "at", "12:30"]),
        ("नमस्ते दुनिया, मैं ठीक हूँ।", ["नमस्ते", "दुनिया", "मैं", "ठीक", "हूँ"]),  # vowel signs are marks
        ("مَرْحَبًا بالعالم، كيف", ["مَرْحَبًا", "بالعالم", "كيف"]),
        ("בָּרוּךְ הַבָּא", ["בָּרוּךְ", "הַבָּא"]),
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),
        ("वर\u094d\u200dग", ["वर\u094d\u200dग"]),
        ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
        ("Tiếng Việt có dấu", ["Tiếng", "Việt", "có", "dấu"]),
        ("안녕하세요 여러분!", ["안녕하세요", "여러분"]),
        ("Größe, Straße", ["Größe", "Straße"]),
        ("他买了3张iPhone 15的票。", ["他", "买", "了", "3", "张", "iPhone", "15", "的", "票"]),
        ("カードを々〇", ["カ", "ー", "ド", "を", "々", "〇"]),
        ("สวัสดี ๒๕๖๗", ["ส", "วั", "ส", "ดี", "๒๕๖๗"]),
        ("ខ្ញុំស្រឡាញ់", ["ខ្", "ញុំ", "ស្", "រ", "ឡា", "ញ់"]),
        ("𠮷野家 葛\U000e0100飾", ["𠮷", "野", "家", "葛", "飾"]),  # not what only chooses a glyph
        ("#小明#: 你好", ["#小明#", "你", "好"]),
        ("1️⃣ 😀 — …", ["1"]),
    ],
)
def test_words_of_a_text(text, expected):
    assert words(text) == expected
    assert words(unicodedata.normalize("NFD", text)) == [unicodedata.normalize("NFC", word) for word in expected]


def test_rouge_compares_words_in_lower_case_without_what_joins_them():
    assert parts("Anna's ÜBER-Auto, ΟΔΟΣ", "de") == ["anna", "s", "über", "auto", "οδος"]
    assert parts("İstanbul ILIK", "tr") == parts("istanbul ılık", "tr") == ["istanbul", "ılık"]


def test_runs_are_as_long_as_words_are():
    assert runs(["a", "b", "c", "d"], 3) == [("a", "b", "c"), ("b", "c", "d")]
    assert runs(["a", "b"], 3) == []
    assert runs(list("小明预订了机票"), 3) == [tuple("小明预订了机"), tuple("明预订了机票")]
    assert runs(["Anna", *"小明预订", "x"], 2) == [
        ("Anna", "小", "明"),
        tuple("小明预订"),
        (*"明预订", "x"),
        (*"预订", "x"),
    ]
    assert len(runs(words("สวัสดีครับ" * 2), 2)[0]) == 8


def test_lengths_count_characters_where_there_are_no_spaces():
    assert count_words("Anna - who's that?") == 4  # as text.split() has it
    assert count_words("小明: 你好 x") == 5


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "She paid. He left! “So.” Why", ["She paid.", "He left!", "“So.” Why"]),  # as it always was
        ("en", "Mr. Ray met Ms. Lee. He left Homr. Dr. No", ["Mr. Ray met Ms. Lee.", "He left Homr.", "Dr. No"]),
        ("de", "Er ging. „Gut.“ Sie blieb", ["Er ging.", "„Gut.“ Sie blieb"]),
        ("de", "Er sagte «Nein.» Sie blieb.", ["Er sagte «Nein.»", "Sie blieb."]),
        ("zh", "你好。“再见！”他走了。", ["你好。", "“再见！”", "他走了。"]),
        ("ja", "「行く。」と言った？はい", ["「行く。」", "と言った？", "はい"]),
        ("hi", "वह गया। मैं आया।", ["वह गया।", "मैं आया।"]),
        ("ar", "هل ذهب؟ نعم.", ["هل ذهب؟", "نعم."]),
        ("ur", "وہ گیا۔ میں آیا۔", ["وہ گیا۔", "میں آیا۔"]),
        ("am", "ሰላም። ደህና", ["ሰላም።", "ደህና"]),
    ],
)
def test_sentences_end_as_each_language_ends_them(language, text, expected):
    assert sentences(text, language).split("\n") == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        *[("en", "en"), ("EN", "en"), ("zh-CN", "zh"), ("zho_Hans", "zh"), ("pt_BR", "pt"), ("yue", "zh")],
        *[("iw", "he"), ("de_DE.UTF-8", "de"), ("no", "no"), ("ckb", "ckb")],
    ],
)
def test_a_language_is_a_code_without_its_region(value, code):
    assert parse_section(SETTINGS | {"language": value}, Score, "score").language == code


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("english", "'english' is no code of a language; use en for English"),
        ("Deutsch", "use de for German"),
        ("jp", "use ja for Japanese"),
        ("xx", "'xx' is no code of a language; expected a code such as en, de or zh"),
        ("", "expected a code"),
        (False, "Norwegian is nb, nn or, in quotes, 'no'"),
        (None, "Input should be a valid string"),
    ],
)
def test_what_is_no_code_is_refused_with_the_right_one(value, complaint):
    with pytest.raises(InputError) as refusal:
        parse_section(SETTINGS | {"language": value}, Score, "score")
    assert str(refusal.value).startswith("score.language: ")
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


TEXTS = {
    "zh": "小明预订了第3张去北京的机票。",
    "ja": "田中さんは東京行きの切符を予約しました。",
    "ko": "민수가 서울행 표를 예약했습니다.",
    "hi": "राम ने दिल्ली का टिकट लिया।",
    "ar": "حجز أحمد تذكرة إلى القاهرة.",
    "ru": "Анна купила билет в Москву.",
    "th": "สมชายจองตั๋วไปกรุงเทพ",
    "el": "Η Άννα αγόρασε εισιτήριο.",
    "he": "דנה הזמינה כרטיס.",
    "bn": "রহিম একটি টিকিট কিনেছে।",
    "ta": "குமார் ஒரு டிக்கெட் வாங்கினார்.",
    "ka": "ანამ ბილეთი იყიდა.",
    "am": "አበበ ትኬት ገዛ።",
    "km": "សុខាបានទិញសំបុត្រ។",
    "my": "မောင်မောင်လက်မှတ်ဝယ်သည်။",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_script_that_english_does_not_read_is_refused_with_its_language(language):
    with pytest.raises(InputError) as refusal:
        check_language([TEXTS[language]] * 3, "en", "test.jsonl")
    message = str(refusal.value)
    assert message.startswith("test.jsonl: score.language=en cannot read 3 of 3 references")
    assert f"set score.language={language} " in message
    assert check_language([TEXTS[language]] * 3, language, "test.jsonl") == []


@pytest.mark.parametrize(
    ("language", "text", "likely"),
    [
        ("de", TEXTS["zh"], "zh"),  # sacreBLEU's intl takes a sentence for a word
        ("ko", TEXTS["th"], "th"),
        ("zh", TEXTS["ja"], "ja"),
        ("zh", TEXTS["ru"], "ru"),
        ("ja", "Anna books a ticket.", "en"),  # BLEU would count letters
        ("en", "用户购买了iPhone 15 Pro Max和AppleCare服务。", "zh"),  # most letters are Latin, most words are not
    ],
)
def test_texts_of_another_language_are_refused(language, text, likely):
    with pytest.raises(InputError, match=rf"score\.language={language} cannot read .* set score\.language={likely} "):
        check_language([text], language, "test.jsonl")


def test_texts_without_a_letter_or_digit_are_refused():
    with pytest.raises(InputError, match="no reference holds a letter or a digit"):
        check_language(["!!!", "😀"], "en", "test.jsonl")


def test_words_that_are_broken_are_a_warning():
    german, french = "Die Größe ist für Jörg schön.", "L'élève a été reçu à l'école."
    for text, share in ((german, 67), (french, 83)):
        assert f": {share} % of the references' words have other letters" in check_language([text], "en", "x")[0]
        assert check_language([text], "de", "x") == []
    rare = "Sie fragt nach einem anderen Termin und will dann wieder anrufen, aber heute nicht mehr, sagt Jörg"
    assert len(rare.split()) == 17  # of which one is broken, and of 80 letters one is lost
    assert ": 6 % of the references' words" in check_language([rare], "en", "x")[0]
    assert check_language(["Anna met Zoë at the café."] + ["They spoke of many other things."] * 20, "en", "x") == []
    mixed = check_language([TEXTS["zh"], "They greet.", "They part."], "en", "x")
    assert mixed[0].startswith("score.language=en does not read 1 of 3 references")
    assert len(mixed) == 2


def test_numbers_alone_are_read():
    assert check_language(["42", "17"], "en", "x") == []


def test_every_language_that_is_suggested_is_known():
    assert all(parse_language(code) == code for code in LIKELY_LANGUAGE.values())


def test_words_of_ascii_texts_are_those_of_any_script():
    """ASCII texts have a pattern of their own; a letter of another script, split off again, takes the general one."""
    rng = random.Random(0)
    letters = "abcXYZ019 ''..,,::##__--$%@\n\t()"
    for _ in range(3000):
        text = "".join(rng.choices(letters, k=rng.randrange(25)))
        general = splitting.words(f"{text} é")
        assert splitting.words(text) == general[:-1]
        assert list(splitting.located_words(text)) == list(splitting.located_words(f"{text} é"))[:-1]
        assert splitting.runs(splitting.words(text), 2) == splitting.runs(general, 2)[: max(0, len(general) - 2)]
