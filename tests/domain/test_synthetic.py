"""Somebody who does not exist is an adult, and nobody's double."""

import math

import pytest

from twinbook.domain.synthetic import Resemblance, ages, description_faults, prompt_faults, resemblances


@pytest.mark.parametrize(
    "description",
    [
        "a woman of 31 with freckles",
        "31-year-old woman, long auburn hair",
        "man aged 42, grey beard",
        "a model in her 30s with a kind smile",
        "Frau, 30 Jahre",
        "kvinna, 27 år",
        "une femme de 35 ans",
        "woman of 18",
    ],
)
def test_an_adult_with_her_age_is_described(description):
    assert description_faults(description) == ()


@pytest.mark.parametrize(
    "description",
    [
        "a woman with freckles",
        "a woman, 175 cm tall",
        "a woman of 17",
        "17 years old, looks 25 years old",
        "a girl of 25",
        "25 years old, teen-age look",
        "a woman of 25, youthful",
        "a woman of 25, looks seventeen years old",
        "t\u00adeen model, 25 years",
        "ＧＩＲＬ, 25 years",
        "high-school student of 19 years",
        "ett barn, 30 år",
        "a woman of 999",
        "",
    ],
)
def test_anything_else_is_not(description):
    assert {why.code for why in description_faults(description)} == {"synthetic.minor"}


def test_a_prompt_may_be_silent_about_age_and_never_says_a_minors():
    assert prompt_faults("walking along a pier at dusk, 1970s dress") == ()
    for prompt in ("as a schoolgirl", "she is 16 years old", "a teenager's room"):
        assert prompt_faults(prompt)


def test_a_height_or_a_year_is_no_age():
    assert ages("a woman, 175 cm, born 1990, in the 1990s") == ()


def test_nearer_than_the_bound_is_somebody_and_names_no_talent():
    found = [
        Resemblance("an enrolled talent", 0.30, 0.45),
        Resemblance("a person of the watch list (x.jpg)", 0.2, 0.45),
    ]
    first, second = resemblances([*found, Resemblance("an enrolled talent", 0.46, 0.45)])
    assert "x.jpg" in first.diagnosis
    assert "distance 0.30" in second.diagnosis


@pytest.mark.parametrize("distance", [0.45, math.nan, -1.0])
def test_on_the_bound_or_no_number_counts_as_alike(distance):
    assert resemblances([Resemblance("an enrolled talent", distance, 0.45)])
