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


@dataclass(frozen=True)
class Permit:
    """``request_digest`` is SHA-256 over the canonical request; ``license`` is None for acts that need none;
    ``mac`` is HMAC-SHA-256 over everything else, empty until sealed."""

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
