from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinbook import testing
from twinbook.domain import ledger, royalty
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.ledger import Movement, Posting, Transaction
from twinbook.domain.license import Split
from twinbook.domain.money import Money


def license(fee=45000, split=None):
    planned = testing.campaign(Path("p"), fee=Money("EUR", fee), **({"split": split} if split else {}))
    return planned.license.license(planned.talents[0], "0" * 64, testing.NOON.date())


@given(st.integers(1, 10**9), st.integers(0, 9000), st.lists(st.integers(0, 300), max_size=3))
def test_a_settled_fee_is_shared_out_to_the_last_cent(fee, agency, crew):
    terms = license(fee, Split(Fraction(agency, 100), {f"crew {i}": Fraction(c, 100) for i, c in enumerate(crew)}))
    held = ledger.hold("shot", "mira", 1, "tvaton", terms.fee, testing.NOON)
    settled = ledger.settle(held, royalty.shares(terms), testing.NOON)
    totals = ledger.balances([held, settled])
    assert sum(totals.values()) == 0
    assert totals[("brand:tvaton", "EUR")] == -fee
    assert totals[("hold:shot:mira", "EUR")] == 0


def test_a_voided_hold_leaves_nothing():
    held = ledger.hold("shot", "mira", 1, "tvaton", Money("EUR", 45000), testing.NOON)
    assert set(ledger.balances([held, ledger.void(held, testing.NOON)]).values()) == {0}


def test_settling_and_voiding_one_hold_are_the_same_entry_so_the_books_take_one():
    held = ledger.hold("shot", "mira", 1, "tvaton", Money("EUR", 45000), testing.NOON)
    assert ledger.settle(held, royalty.shares(license()), testing.NOON).id == ledger.void(held, testing.NOON).id


def test_what_does_not_sum_to_zero_cannot_be_written():
    with pytest.raises(StateError, match=r"books\.unbalanced"):
        Transaction("x", Movement.HOLD, "s", "t", "EUR", (Posting("a", 1), Posting("b", -2)), testing.NOON)
    held = ledger.hold("shot", "mira", 1, "tvaton", Money("EUR", 45000), testing.NOON)
    with pytest.raises(StateError, match=r"books\.unbalanced"):
        ledger.settle(held, {"talent:mira": Money("EUR", 44999)}, testing.NOON)


def test_a_split_of_everything_leaves_her_nothing_and_is_refused():
    with pytest.raises(InputError, match=r"license\.split"):
        Split(Fraction(90), {"crew": Fraction(10)})
