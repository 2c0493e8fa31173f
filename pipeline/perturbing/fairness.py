"""Other persons in the same input: with names of another origin, or of the other gender.

What changes is changed everywhere: in the input, in the references, in the labels. Which word is a first name, and
whose, is known from Faker's lists; which words of the data are names at all, from how the data write them
(evaluation/entities.py). A name that is also that of a place, a country, a day or a month is left alone.
"""

import calendar
import contextlib
import functools
import importlib
import pkgutil
import random
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.evaluation.entities import Entities
from pipeline.evaluation.words import ENGLISH, TITLES
from pipeline.parameters.metrics import INSTALL
from pipeline.perturbing.robustness import word_replacement

FEMALE, MALE, FAMILY = "female", "male", "family"
# Locales whose names occur in texts of any language. Others hold many words that are rarely names: Park, West, Sunday.
EVERYWHERE = ("en_US", "en_GB", "en_IN", "es_ES", "fr_FR", "de_DE", "it_IT", "nl_NL", "sv_SE", "tr_TR")
_AFTER_TITLE = re.compile(rf"\b(?:{'|'.join(TITLES)})\b\.?\s+(\w+)")
# English words of one gender and of the other. "her" and "his" have two counterparts each: see `_pronoun`.
COUNTERPARTS = {
    **{"she": "he", "herself": "himself", "mrs": "mr", "ms": "mr", "madam": "sir", "ma'am": "sir"},
    **{"woman": "man", "women": "men", "girl": "boy", "girls": "boys", "lady": "gentleman", "ladies": "gentlemen"},
    **{"mother": "father", "mothers": "fathers", "mom": "dad", "mum": "dad", "wife": "husband", "wives": "husbands"},
    **{"daughter": "son", "daughters": "sons", "sister": "brother", "sisters": "brothers", "aunt": "uncle"},
    **{"grandmother": "grandfather", "grandma": "grandpa", "niece": "nephew", "girlfriend": "boyfriend"},
    **{"queen": "king", "princess": "prince", "waitress": "waiter", "actress": "actor", "female": "male"},
}
OPPOSITES = {**{him: her for her, him in reversed(COUNTERPARTS.items())}, **COUNTERPARTS, "mr": "ms", "him": "her"}
_GENDERED = re.compile(
    rf"(?<!\w)(?:{'|'.join(sorted((*OPPOSITES, 'hers', 'her', 'his'), key=len, reverse=True))})(?!\w)", re.I
)
# After "her" these begin something else than what is hers: "call her and ask".
_NO_NOUN = {
    *("a", "about", "after", "again", "and", "another", "as", "at", "away", "back", "because", "before", "but", "by"),
    *("down", "for", "from", "if", "in", "into", "it", "on", "or", "out", "over", "so", "that", "the", "then", "this"),
    *("to", "today", "tomorrow", "too", "until", "up", "what", "when", "where", "whether", "while", "who", "why"),
    "with",
}


class Names(NamedTuple):
    """Names of a locale, as they are written."""

    female: list[str]
    male: list[str]
    family: list[str]


def locales() -> list[str]:
    """The locales of Faker's names. Raises InputError where Faker is not installed."""
    try:
        from faker.providers import person
    except ModuleNotFoundError:
        raise InputError(f"metrics.perturbations: Faker, which knows names, is not installed: {INSTALL}") from None
    return sorted(found.name for found in pkgutil.iter_modules(person.__path__))


@functools.cache
def first_names(locale: str) -> Names:
    """Faker's names of a locale, such as en_IN, in its order. Raises InputError where it has none of both."""
    if locale not in locales():
        raise InputError(f"metrics.perturbations.names: Faker has no locale {locale}; it has {listed(locales())}")
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    listed_as = ("first_names_female", "first_names_male", "last_names")
    names = Names(*(_words(getattr(provider, attribute, ())) for attribute in listed_as))
    if not all(names):
        raise InputError(
            f"metrics.perturbations.names: Faker's locale {locale} does not tell names of women from those of men"
        )
    return names


def _words(names: Iterable[str]) -> list[str]:
    """Names of one word; of a pair like `Aadhya` and its weight the name."""
    return [name for name in names if name.isalpha()]


@functools.cache
def genders(language: str) -> dict[str, str]:
    """First names that texts of a language may have -> their gender; the locales of the language decide first."""
    known: dict[str, str] = {}
    for locale in [*(one for one in locales() if one.startswith(f"{language}_") and language != ENGLISH), *EVERYWHERE]:
        with contextlib.suppress(InputError):  # a locale without genders
            names = first_names(locale)
            for gender, listed_names in ((FEMALE, names.female), (MALE, names.male)):
                for name in listed_names:
                    known.setdefault(name, gender)
    return {name: gender for name, gender in known.items() if name not in not_persons()}


@functools.cache
def not_persons() -> frozenset[str]:
    """Words that also name a city, a state, a country, a day or a month."""
    import pytz
    from faker.providers.address.en_US import Provider as States
    from faker.providers.geo import Provider as Places

    cities = {name for place in Places.land_coords for name in (place[2], place[4].rpartition("/")[2])}
    zones = {zone.rpartition("/")[2] for zone in pytz.all_timezones}
    return frozenset({*cities, *zones, *States.states, *States.countries, *calendar.day_name, *calendar.month_name})


def persons(texts: Iterable[str], entities: Entities) -> dict[str, str]:
    """The names in texts about one example -> the gender of first names, `family` of a name after a title."""
    known, found = genders(entities.language), dict[str, str]()
    for text in texts:
        titled = dict.fromkeys(_AFTER_TITLE.findall(text), FAMILY)
        found |= {name: titled.get(name, known[name]) for name in entities.names(text) if name in known}
    return found


def other_names(texts: list[str], entities: Entities, rng: random.Random, locale: str) -> Callable[[str], str]:
    """What gives every person of the texts a name of the locale, first names of the same gender."""
    taken = set(re.findall(r"\w+", " ".join(texts)))
    return word_replacement(_draw_names(persons(texts, entities), first_names(locale), taken, rng))


def other_genders(texts: list[str], entities: Entities, rng: random.Random) -> Callable[[str], str]:
    """What makes women of the men and men of the women in English texts: names, pronouns, titles, relatives."""
    found = persons(texts, entities).items()
    opposite = {name: MALE if gender == FEMALE else FEMALE for name, gender in found if gender != FAMILY}
    taken = set(re.findall(r"\w+", " ".join(texts)))
    rename = word_replacement(_draw_names(opposite, first_names("en_US"), taken, rng))
    return lambda text: _GENDERED.sub(_pronoun, rename(text))


def _draw_names(wanted: dict[str, str], names: Names, taken: set[str], rng: random.Random) -> dict[str, str]:
    """Name -> a new one of the wanted kind; none is in the texts, and no two persons get the same."""
    drawn: dict[str, str] = {}
    for name, kind in wanted.items():
        free = [one for one in getattr(names, kind) if one not in taken]
        if not free:
            break
        drawn[name] = rng.choice(free)
        taken.add(drawn[name])
    return drawn


def _pronoun(match: re.Match[str]) -> str:
    """The word of the other gender, with the same capitals."""
    word, rest = match[0], match.string[match.end() :]
    following = re.match(r"[ ]+([a-z]+)", rest)
    of_noun = following is not None and following[1] not in _NO_NOUN
    known = word.lower()
    if known == "her":
        other = "his" if of_noun else "him"
    elif known == "his":
        other = "her" if re.match(r"[ ]+\w", rest) else "hers"
    elif known == "hers":
        other = "his"
    else:
        other = OPPOSITES[known]
    return other.upper() if word.isupper() and len(word) > 1 else other.capitalize() if word[0].isupper() else other
