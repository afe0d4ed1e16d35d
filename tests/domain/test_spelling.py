"""Words of terms have one spelling, whoever writes them and however."""

import unicodedata
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from generated_rights import TEXT
from hypothesis import example, given
from hypothesis import strategies as st

from twinbook.domain.consent import Person
from twinbook.domain.errors import InputError
from twinbook.domain.license import Exclusivity, License, Split, conflicting
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.spelling import plain

SPELLINGS = [
    "fast fashion",
    "Fast Fashion",
    "fast-fashion",
    "fast_fashion",
    "fast  fashion",
    " fast fashion ",
    "fast\u00a0fashion",
    "fast\u2011fashion",
    "fast \u2013 fashion",
    "fa\u00adst fash\u200bion",
    "fast\u2060 fashion",
    "\uff46ast fashion",
    "fast\tfashion\ufe0f",
]
FEE = Money.parse("450 EUR")
TERMS = License(
    talent=Person("mira", "Mira Holm"),
    brand=Person("tvaton", "Tvaton"),
    agency=None,
    consent="0" * 64,
    category="fast fashion",
    fee=FEE,
    channels=frozenset({"web"}),
    territories=frozenset({"SE"}),
    starts=date(2026, 6, 1),
    term_days=90,
    split=Split(Fraction(20), {}),
)


@pytest.mark.parametrize("written", SPELLINGS)
def test_one_word_in_many_spellings(written):
    assert plain(written) == "fast fashion"


def test_an_accent_is_its_letters():
    assert plain(unicodedata.normalize("NFD", "päls")) == plain("PÄLS") == "päls"
    assert plain("Straße") == "strasse"


@given(st.one_of(TEXT, st.text(max_size=20)))
@example("a\u00ad\u0308")
@example("\u0345\u03b1-")
def test_a_spelling_is_its_own(written):
    assert plain(plain(written)) == plain(written)


@pytest.mark.parametrize("written", SPELLINGS[1:])
def test_what_is_signed_says_it_in_the_one_spelling(written):
    paper = Paper.of(replace(TERMS, category=written))
    assert paper.document["category"] == "fast fashion"
    with pytest.raises(InputError, match=r"signature\.invalid"):
        _ = Paper({**paper.document, "category": written}).terms


@pytest.mark.parametrize("written", SPELLINGS)
def test_nobody_spells_a_way_round_exclusivity(written):
    window = Exclusivity(
        "fast fashion", frozenset(), frozenset(), frozenset({"Zandra "}), date(2026, 1, 1), date(2027, 1, 1)
    )
    sold = replace(TERMS, exclusive=window)
    theirs = replace(TERMS, brand=Person("zandra", "Zandra"), category=written)
    assert conflicting(theirs, [("sold", sold)]) == ["sold"]
