"""Chat templates of many makers: what the model reads holds every word, on any day, or the template is refused."""

import pytest

from pipeline.core.errors import InputError
from pipeline.models import chat
from pipeline.models.chat import Chat, render
from pipeline.models.tokenizer import load_tokenizer
from tests import tiny

TEXT = "Sum up:\n\nAnna: Hi,  Ben!\nBen: Hello."
BODY = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n%s<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
PARTS = BODY.replace("%s", "{% for part in m['content'] %}{{ part['text'] }}{% endfor %}")
ONE_LINE = BODY.replace("%s", "{{ m['content'] | replace('\n', ' ') | trim }}")
DATED = "{{ strftime_now('%d %B %Y') }}\n" + BODY.replace("%s", "{{ m['content'] }}")
THINKING = BODY.replace("%s", "{{ m['content'] }}") + "{% if enable_thinking is false %}<think></think>{% endif %}"


@pytest.fixture
def tokenizer(causal_base):
    return load_tokenizer(causal_base)


def written(tokenizer, template, text=TEXT, **arguments):
    tokenizer.chat_template = template
    return render(tokenizer, [{"role": "user", "content": text}], Chat(arguments, "2026-01-01"))


def test_a_template_that_expects_parts_gets_parts(tokenizer):
    assert written(tokenizer, PARTS) == f"<|im_start|>user\n{TEXT}<|im_end|>\n<|im_start|>assistant"


def test_a_template_may_change_white_space(tokenizer):
    assert "Sum up:  Anna: Hi,  Ben! Ben: Hello." in written(tokenizer, ONE_LINE)


@pytest.mark.parametrize("change", ["upper", "truncate(12)", "reverse", "title"])
def test_a_template_that_changes_words_is_refused(tokenizer, change):
    with pytest.raises(InputError, match="drops or changes the text"):
        written(tokenizer, BODY.replace("%s", f"{{{{ m['content'] | {change} }}}}"))


def test_the_reason_is_that_of_the_text_and_not_of_the_parts(tokenizer):
    with pytest.raises(InputError, match="drops or changes the text"):
        written(tokenizer, BODY.replace("%s", "{{ m['content'].split(' ') | join('_') }}"))


def test_a_template_that_draws_gives_the_same_text_again(tokenizer):
    template = BODY.replace("%s", "{{ m['content'] }}") + "{{ range(10 ** 5) | random }}"
    assert written(tokenizer, template) == written(tokenizer, template)


def test_a_template_that_drops_the_text_is_refused(tokenizer):
    with pytest.raises(InputError, match="drops or changes the text"):
        written(tokenizer, BODY.replace("%s", ""))


@pytest.mark.parametrize("day", ["2026-01-01", "2030-12-31"])
def test_a_template_is_told_the_day_of_the_settings_and_not_todays(tokenizer, day):
    tokenizer.chat_template = DATED
    text = render(tokenizer, [{"role": "user", "content": "a"}], Chat({}, day))
    assert text.startswith({"2026-01-01": "01 January 2026\n", "2030-12-31": "31 December 2030\n"}[day])


def test_arguments_reach_the_template(tokenizer):
    assert written(tokenizer, THINKING, enable_thinking=False).endswith("<think></think>")
    assert "think" not in written(tokenizer, THINKING)


def test_what_transformers_offers_to_templates_is_there(tokenizer):
    template = (
        "{{ bos_token or '' }}{% set n = namespace(count=0) %}{% for m in messages %}{% set n.count = n.count + 1 %}"
        "{% generation %}{{ m['content'] }}{% endgeneration %}{{ m | tojson }}"
        "{% if n.count > 5 %}{% break %}{% endif %}"
        "{% endfor %}{{ dict(a=1)['a'] }}"
    )
    assert written(tokenizer, template, "Hé") == 'Hé{"role": "user", "content": "Hé"}1'


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{{ raise_exception('System message required') }}", "fails: System message required"),
        ("{% for m in messages %}", "broken at line 1: Unexpected end of template"),
        ("{{ messages[7]['content'] }}", "fails: .*no element 7"),
        ("{{ messages[0]['content'] / 2 }}", "fails: TypeError: unsupported operand"),
        ("{{ messages.__class__.__mro__ }}", "fails: .*unsafe"),
        ("{{ 'a' * 10 ** 10 }}", "needs more than 512 MiB"),
    ],
)
def test_a_template_that_fails_is_refused_in_one_line(tokenizer, template, complaint):
    with pytest.raises(InputError, match=f"^the model's chat template (is )?{complaint}") as refusal:
        written(tokenizer, template)
    assert "\n" not in str(refusal.value)


@pytest.mark.slow  # five seconds of computing
def test_a_template_without_end_is_refused(tokenizer):
    with pytest.raises(InputError, match="the model's chat template takes more than 5 seconds"):
        written(tokenizer, "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}")


def test_one_of_several_templates_is_named(tokenizer):
    several = {"rag": THINKING, "tool_use": DATED}
    with pytest.raises(InputError, match=r"rag, tool_use and none that is called 'default': name one, -S \+template"):
        written(tokenizer, several)
    assert "2026" in written(tokenizer, several, chat_template="tool_use")
    assert "2026" not in written(tokenizer, {**several, "default": THINKING})


def test_a_model_that_is_no_chat_model_has_no_settings():
    model = tiny.model_params("causal", chat=False)
    assert chat.chat_settings(model, tiny.template_params()) is None
