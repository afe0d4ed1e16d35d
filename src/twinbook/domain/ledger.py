"""The books: double entry, integer minor units, every transaction sums to zero, nothing is ever changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .errors import StateError
from .money import Money


class Movement(StrEnum):
    HOLD = "hold"
    SETTLE = "settle"
    VOID = "void"
    PAYOUT = "payout"


@dataclass(frozen=True)
class Posting:
    """``minor`` is positive for what an account receives and negative for what leaves it."""

    account: str
    minor: int


@dataclass(frozen=True)
class Transaction:
    """One movement for one talent in one shot. ``id`` says what it is, so that it can't be booked twice.

    Raises StateError ``books.unbalanced`` unless the postings sum to zero.
    """

    id: str
    movement: Movement
    shot: str
    talent: str
    currency: str
    postings: tuple[Posting, ...]
    at: datetime

    def __post_init__(self) -> None:
        if sum(posting.minor for posting in self.postings) != 0 or not self.postings:
            raise StateError("books.unbalanced", f"the postings of {self.id} don't sum to zero")


def brand_account(brand: str) -> str:
    """What a brand owes: each hold takes from it, a void gives back."""
    return f"brand:{brand}"


def hold_account(shot: str, talent: str) -> str:
    return f"hold:{shot}:{talent}"


def hold(shot: str, talent: str, attempt: int, brand: str, fee: Money, at: datetime) -> Transaction:
    """Set the fee aside before a pixel is made."""
    postings = (Posting(brand_account(brand), -fee.minor), Posting(hold_account(shot, talent), fee.minor))
    return Transaction(f"hold:{shot}:{talent}:{attempt}", Movement.HOLD, shot, talent, fee.currency, postings, at)


def settle(held: Transaction, shares: dict[str, Money], at: datetime) -> Transaction:
    """Pay the held fee out. ``shares`` maps accounts to amounts and must add up to the hold."""
    postings = (
        Posting(hold_account(held.shot, held.talent), -_held(held)),
        *(Posting(account, share.minor) for account, share in sorted(shares.items()) if share.minor),
    )
    return _close(held, Movement.SETTLE, postings, at)


def void(held: Transaction, at: datetime) -> Transaction:
    """Give the held fee back: no image was released."""
    return _close(held, Movement.VOID, tuple(Posting(p.account, -p.minor) for p in held.postings), at)


def payout_id(settled: Transaction) -> str:
    return f"payout:{settled.id}"


def payout(settled: Transaction, payee: str, at: datetime) -> Transaction:
    """What a settlement owes to the talent's account ``payee`` has reached her."""
    if settled.movement is not Movement.SETTLE:
        raise StateError("books.hold", f"{settled.id} is not a settlement")
    owed = sum(posting.minor for posting in settled.postings if posting.account == payee)
    postings = (Posting(payee, -owed), Posting(f"paid:{payee}", owed))
    return Transaction(
        payout_id(settled), Movement.PAYOUT, settled.shot, settled.talent, settled.currency, postings, at
    )


def _held(held: Transaction) -> int:
    if held.movement is not Movement.HOLD:
        raise StateError("books.hold", f"{held.id} is not a hold")
    return next(p.minor for p in held.postings if p.account == hold_account(held.shot, held.talent))


def _close(held: Transaction, movement: Movement, postings: Sequence[Posting], at: datetime) -> Transaction:
    _held(held)
    # The id leaves the movement out: a hold has one end, either settled or voided, and the books' unique id sees to it.
    return Transaction(f"close:{held.id}", movement, held.shot, held.talent, held.currency, tuple(postings), at)


def balances(transactions: Iterable[Transaction]) -> dict[tuple[str, str], int]:
    """Minor units by (account, currency)."""
    totals: dict[tuple[str, str], int] = {}
    for transaction in transactions:
        for posting in transaction.postings:
            key = (posting.account, transaction.currency)
            totals[key] = totals.get(key, 0) + posting.minor
    return totals
