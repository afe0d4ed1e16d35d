"""What a licensee is told when something its license rests on is taken back: a document that the home signs.

It says what the licensee must do and nothing beyond its own license: no name, no reason but the grounds, nothing of any
other brand. The home's log key signs it under a prefix of its own, so that no other signature of that key passes for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from .canonical import canonical
from .consent import Part
from .errors import InputError
from .form import Form
from .gate import NEEDS
from .license import License
from .log import VerifyRaw
from .money import Money
from .paper import Paper
from .permit import Act
from .revocation import Grounds

TYPE = "twinbook.notice/1"
EVENT = "notice.revocation"
_PREFIX = TYPE.encode() + b"\x00"


class About(StrEnum):
    """What was taken back: the license, the consent it rests on, or parts of that."""

    LICENSE = "license"
    CONSENT = "consent"
    PARTS = "parts"


@dataclass(frozen=True)
class Ends:
    """From when a licensee may no longer have images made, show them, or train models on them; None for no end but the
    license's own."""

    making: datetime | None = None
    showing: datetime | None = None
    training: datetime | None = None

    def sooner(self, before: Ends) -> Ends:
        """What has come nearer since ``before``; the rest is None."""

        def moved(now: datetime | None, then: datetime | None) -> datetime | None:
            return now if now is not None and (then is None or now < then) else None

        return Ends(
            moved(self.making, before.making),
            moved(self.showing, before.showing),
            moved(self.training, before.training),
        )

    @property
    def moments(self) -> list[datetime]:
        return [at for at in (self.making, self.showing, self.training) if at is not None]


def ends(license: Paper, consent: Paper | None) -> Ends:
    """What the revocations on file do to a license. This and the gate say the same: what a license needs for an image
    stands in one table. A mandate that is withdrawn undoes nothing that was accepted while it lived."""
    terms: License = license.terms
    gone = dict(consent.withdrawn) if consent else {}
    showing = _first([license.revoked_at, consent.revoked_at if consent else None])
    parts = [gone.get(part) for part in NEEDS[Act.RENDER]]
    making = _first([showing, *parts])
    training = _first([showing, gone.get(Part.TRAIN)]) if terms.trains_models else None
    return Ends(making, showing, training)


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in moments if at is not None), default=None)


@dataclass(frozen=True)
class Issued(Form):
    """A released image: its release id and the SHA-256 of each of its copies."""

    release: str
    copies: frozenset[str]


@dataclass(frozen=True)
class EndedShot(Form):
    """A shot that was on its way: its id, the brand's own name for it, and what was given back to the brand."""

    shot: str
    name: str
    given_back: tuple[Money, ...]


@dataclass(frozen=True)
class Notice(Form):
    """``to`` is the licensee's party id, ``license`` the digest of its own license. ``log`` and ``log_index`` say in which
    leaf of which log the notice is on record. ``about``, ``parts`` and ``grounds`` say what was taken back, ``effective`` from
    when.

    ``stop_making``, ``stop_showing`` and ``stop_training`` are when the licensee must stop, None for what may go on.
    ``releases`` are the images to stop showing, as far as they are issued; what is issued until then is meant as well.
    ``ended`` are shots that were on their way; ``pass_on_to`` are those whom the license lets use the images or handle the
    twin, and whom the licensee has to tell.
    """

    id: str
    to: str
    log: str
    log_index: int
    made_at: datetime
    license: str
    about: About
    parts: frozenset[Part]
    grounds: Grounds
    effective: datetime
    stop_making: datetime | None
    stop_showing: datetime | None
    stop_training: datetime | None
    releases: tuple[Issued, ...]
    ended: tuple[EndedShot, ...]
    pass_on_to: frozenset[str]

    def document(self) -> dict[str, object]:
        return {"type": TYPE} | super().document()

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Self:
        """Raises InputError ``notice.invalid`` for anything but a document that `document` could have written."""
        try:
            rest = dict(document)
            index = rest["log_index"]
            if rest.pop("type") != TYPE or type(index) is not int or index < 0:
                raise ValueError("not a notice")
            # A log may well be longer than the counts that other forms hold.
            made = replace(cls._read(rest | {"log_index": 0}), log_index=index)
            if canonical(made.document()) != canonical(document):
                raise ValueError("not in its one form")
            return made
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            raise InputError("notice.invalid", f"this is not a notice: {error}") from error

    @property
    def message(self) -> bytes:
        """The exact bytes that are signed."""
        return _PREFIX + canonical(self.document())

    def words(self) -> list[str]:
        """As sentences, for whoever has to act on it."""
        what = {
            About.LICENSE: "Your license was ended",
            About.CONSENT: "The consent that your license rests on was withdrawn",
            About.PARTS: f"Of the consent that your license rests on was withdrawn: {', '.join(sorted(self.parts))}",
        }[self.about]
        how = {Grounds.BREACH: " for breach", Grounds.NOTICE: " by notice"}.get(self.grounds, "")
        said = [f"Notice {self.id} to {self.to}", f"{what}{how}. License: {self.license}"]
        if self.stop_making:
            said.append(f"No image is made from {_day(self.stop_making)} on")
        if self.stop_showing:
            listed = f"; issued so far: {', '.join(i.release for i in self.releases)}" if self.releases else ""
            said.append(f"Stop showing every image of this license by {_day(self.stop_showing)}{listed}")
        else:
            said.append("Images that were issued keep their license")
        if self.stop_training:
            said.append(f"Stop training models on them by {_day(self.stop_training)}")
        for shot in self.ended:
            back = " and ".join(map(str, shot.given_back)) or "nothing was held"
            said.append(f"Ended on its way: {shot.name} ({shot.shot}); given back: {back}")
        if self.pass_on_to:
            said.append(f"Tell those who work under your license: {', '.join(sorted(self.pass_on_to))}")
        return [*said, f"On record in {self.log}, entry {self.log_index}"]


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


class Delivery(StrEnum):
    """How far a notice has got. ``unaddressed``: nobody said where to send it; ``failed``: given up, and to be handed
    over in another way."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    UNADDRESSED = "unaddressed"
    FAILED = "failed"


@dataclass(frozen=True)
class Outgoing:
    """A notice on its way. ``signature`` is the home's, in hex. ``attempts`` were made to ``url``, the next is due at
    ``next_at``; ``last_error`` says how the last one went wrong."""

    notice: Notice
    signature: str
    url: str | None = None
    attempts: int = 0
    next_at: datetime | None = None
    delivered_at: datetime | None = None
    last_error: str = ""

    @property
    def state(self) -> Delivery:
        if self.delivered_at is not None:
            return Delivery.DELIVERED
        if self.url is None:
            return Delivery.UNADDRESSED
        return Delivery.FAILED if self.next_at is None else Delivery.WAITING

    def envelope(self) -> dict[str, object]:
        """The notice with its signature, to be checked by anybody: see `verify`."""
        return {"notice": self.notice.document(), "signature": self.signature}

    def body(self) -> bytes:
        """What is posted: the same bytes at every attempt."""
        at = self.notice.made_at.isoformat(timespec="seconds")
        return canonical({"type": EVENT, "timestamp": at, "data": self.envelope()})


def read(data: bytes) -> dict[str, object]:
    """An envelope in a file: bare, or the body of a webhook as it was posted. Raises InputError ``notice.invalid``."""
    try:
        found = json.loads(data, object_pairs_hook=_once)
        envelope = found.get("data", found)
        if not isinstance(envelope, dict):
            raise TypeError("not an object")
        return envelope
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("notice.invalid", "this can't be read as a notice") from error


def _once(members: list[tuple[str, object]]) -> dict[str, object]:
    """A member twice could be read in two ways by two tools."""
    made = dict(members)
    if len(made) != len(members):
        raise ValueError("a member twice")
    return made


def verify(envelope: Mapping[str, object], public: bytes, verify_raw: VerifyRaw) -> Notice:
    """The notice in an envelope, when the home whose log has this key signed exactly it. Offline.

    Raises InputError ``notice.invalid``.
    """
    try:
        document, signature = envelope["notice"], bytes.fromhex(envelope["signature"])
        if envelope.keys() != {"notice", "signature"} or signature.hex() != envelope["signature"]:
            raise ValueError("something else is with it")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError("notice.invalid", "this is no notice with its signature") from error
    notice = Notice.from_document(document)
    if not verify_raw(notice.message, signature, public):
        raise InputError("notice.invalid", "the signature is not the home's over this notice")
    return notice
