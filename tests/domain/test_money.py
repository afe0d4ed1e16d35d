from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinbook.domain.errors import InputError
from twinbook.domain.money import Money

EUR = st.builds(Money, st.just("EUR"), st.integers(0, 10**12))
SHARES = st.dictionaries(st.text(min_size=1, max_size=5), st.fractions(0, 100), min_size=1, max_size=8).filter(
    lambda shares: sum(shares.values()) > 0
)


@given(EUR, SHARES)
def test_allocation_gives_away_every_cent_and_no_more(amount, shares):
    parts = amount.allocate(shares)
    assert sum(part.minor for part in parts.values()) == amount.minor
    total = sum(shares.values())
    for name, part in parts.items():
        assert abs(part.minor - Fraction(amount.minor) * shares[name] / total) < 1


@given(EUR, SHARES)
def test_allocation_depends_on_nothing_but_its_arguments(amount, shares):
    backwards = dict(reversed(shares.items()))
    assert amount.allocate(shares) == amount.allocate(backwards)


@given(EUR)
def test_what_is_written_reads_back(amount):
    assert Money.parse(str(amount)) == amount


@pytest.mark.parametrize(
    "text", ["450", "450 eur", "4,50 EUR", "-1 EUR", "1.234 EUR", "1.5 JPY", "", None, "٣ EUR", "1 EUR "]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InputError) as refused:
        Money.parse(text)
    assert refused.value.code == "money.malformed"
    assert "450 EUR" in refused.value.remedy


def test_currencies_do_not_mix():
    with pytest.raises(InputError, match=r"money\.currencies"):
        Money.parse("1 EUR") + Money.parse("1 SEK")


def test_yen_have_no_decimals_and_dinars_three():
    assert Money.parse("300 JPY").minor == 300
    assert Money.parse("1.234 KWD").minor == 1234
