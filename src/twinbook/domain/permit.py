"""A permit: one act on one twin, once, soon. Only the gate makes one, and only the vault takes one."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from .canonical import canonical


class Act(StrEnum):
    """What can be done with a twin."""

    __hash__ = str.__hash__  # an enum's own hash is written in Python, and the gate looks up a great many

    ENROLL = "enroll"
    TRAIN = "train"
    RENDER = "render"
    MEASURE = "measure"
    EVIDENCE = "evidence"
    MONITOR = "monitor"
    VIEW = "view"  # a person looks at her plates
    DISCLOSE = "disclose"  # everything held about her is handed to her


class Kept(StrEnum):
    """What the vault keeps of a talent. ``pixels`` are her photographs with their mattes, ``template`` is what recognises
    her face, ``pictures`` were made of her, ``weights`` were trained on her; everything else that was measured on a photograph is a
    measurement."""

    __hash__ = str.__hash__

    PIXELS = "pixels"
    MEASUREMENTS = "measurements"
    TEMPLATE = "template"
    PICTURES = "pictures"
    WEIGHTS = "weights"


# What a permit for each act lets be read, and written. To look at her takes no template and gives none; to make pictures
# neither. To measure takes pixels as well: a picture is laid over the plate that it was made from. They stay with the
# process that measures: nothing that shows plates to a person ever asks for a permit to measure.
READS: dict[Act, frozenset[Kept]] = {
    Act.ENROLL: frozenset(),
    Act.TRAIN: frozenset({Kept.PIXELS, Kept.MEASUREMENTS, Kept.WEIGHTS}),
    Act.RENDER: frozenset({Kept.PIXELS, Kept.MEASUREMENTS, Kept.PICTURES, Kept.WEIGHTS}),
    Act.MEASURE: frozenset(Kept),
    Act.EVIDENCE: frozenset({Kept.PIXELS, Kept.MEASUREMENTS, Kept.PICTURES}),
    Act.MONITOR: frozenset({Kept.TEMPLATE, Kept.MEASUREMENTS}),
    Act.VIEW: frozenset({Kept.PIXELS, Kept.MEASUREMENTS}),
    Act.DISCLOSE: frozenset(Kept),
}
WRITES: dict[Act, frozenset[Kept]] = {
    Act.ENROLL: frozenset({Kept.PIXELS, Kept.MEASUREMENTS, Kept.TEMPLATE}),
    Act.TRAIN: frozenset({Kept.WEIGHTS}),
    Act.RENDER: frozenset({Kept.PICTURES}),
    Act.MEASURE: frozenset({Kept.PICTURES}),
}


@dataclass(frozen=True)
class Permit:
    """``request_digest`` is SHA-256 over the canonical request; ``consent`` is the digest of the paper it rests on,
    which to disclose is her own request for access; ``license`` is None for acts that need none; ``mac`` is HMAC-SHA-256 over everything else, empty until sealed."""

    id: str
    act: Act
    talent: str
    request_digest: str
    consent: str
    license: str | None
    expires: datetime
    mac: str = ""

    def body(self) -> bytes:
        return canonical(
            {
                "id": self.id,
                "act": self.act.value,
                "talent": self.talent,
                "request": self.request_digest,
                "consent": self.consent,
                "license": self.license,
                "expires": self.expires.isoformat(),
            }
        )

    def sealed(self, key: bytes) -> Permit:
        return replace(self, mac=hmac.new(key, self.body(), hashlib.sha256).hexdigest())

    def genuine(self, key: bytes) -> bool:
        return hmac.compare_digest(hmac.new(key, self.body(), hashlib.sha256).hexdigest(), self.mac)
