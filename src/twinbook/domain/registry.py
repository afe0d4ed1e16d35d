"""The public side of a home: which releases there are, what they look like and whether they still stand. One signed file.

It names no person, holds no photograph and no local features, and says nothing of what was agreed or paid.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from .canonical import canonical
from .errors import InputError, StateError
from .fingerprint import CopyTraits, Fingerprint
from .provenance import ReleaseId

TYPE = "twinbook-registry"
VERSION = "1"
_MOST_RELEASES = 1_000_000
_HEX64 = frozenset("0123456789abcdef")

VerifyRaw = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True)
class PublicRelease:
    """``until`` is the last day of its shortest license; ``revoked`` whether something that it rests on was taken back.
    ``copies`` have no features and, once read from a file, numbers for formats; they are gone when whoever is in the picture had herself erased."""

    release: ReleaseId
    revoked: bool
    until: date | None
    copies: tuple[CopyTraits, ...]

    def expired(self, on: date) -> bool:
        return self.until is not None and on > self.until

    def document(self) -> dict[str, object]:
        return {
            "release": self.release.hex,
            "state": "revoked" if self.revoked else "released",
            "until": self.until.isoformat() if self.until else "",
            "copies": [
                {
                    "sha256": copy.sha256,
                    "pixels": copy.pixels,
                    "pdq": copy.fingerprint.pdq,
                    "quality": str(copy.fingerprint.quality),
                    "manifest": copy.manifest,
                }
                for copy in self.copies
            ],
        }


@dataclass(frozen=True)
class Registry:
    """``origin`` names the log whose key signs it; ``made_at`` says of when it is: what was revoked later it can't know."""

    origin: str
    made_at: datetime
    releases: tuple[PublicRelease, ...]

    def by_release(self, name: str | None) -> PublicRelease | None:
        return next((each for each in self.releases if each.release.hex == name), None)

    @property
    def copies(self) -> tuple[CopyTraits, ...]:
        return tuple(copy for release in self.releases for copy in release.copies)

    def document(self) -> dict[str, object]:
        return {
            "type": TYPE,
            "version": VERSION,
            "origin": self.origin,
            "made_at": self.made_at.isoformat(),
            "releases": [release.document() for release in self.releases],
        }

    @property
    def message(self) -> bytes:
        """What is signed. The type and a zero byte come first, so that no other paper of the key passes for it."""
        return TYPE.encode() + b"\0" + canonical(self.document())

    def signed(self, public: bytes, signature: bytes) -> dict[str, object]:
        """The file's document. ``public`` tells which key signed it, and is never taken for a reason to trust it."""
        return {
            "registry": self.document(),
            "key": public.hex(),
            "signature": base64.b64encode(signature).decode(),
        }


def open_registry(document: object, public: bytes, verify_raw: VerifyRaw) -> Registry:
    """A registry that the key ``public`` (Ed25519, 32 bytes) signed.

    Raises InputError ``registry.invalid`` for what is no registry, StateError ``registry.signature`` for one that another
    key signed or that was changed since.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("registry"), Mapping):
        raise InputError("registry.invalid", "the file holds no registry")
    registry = _read(document["registry"])
    try:
        signature = base64.b64decode(str(document.get("signature")), validate=True)
    except (ValueError, binascii.Error) as error:
        raise StateError("registry.signature", "the registry carries no signature") from error
    if not verify_raw(registry.message, signature, public):
        raise StateError("registry.signature", f"the registry of {registry.origin} is not signed by the key given")
    return registry


def _read(document: Mapping[str, object]) -> Registry:
    try:
        if document["type"] != TYPE or document["version"] != VERSION:
            raise ValueError("another type or version")
        found = document["releases"]
        if not isinstance(found, list) or len(found) > _MOST_RELEASES:
            raise ValueError("no list of releases")
        made_at = datetime.fromisoformat(_text(document, "made_at"))
        if made_at.tzinfo is None:
            raise ValueError("a time without a zone")
        registry = Registry(_text(document, "origin"), made_at, tuple(_release(each) for each in found))
        if registry.document() != dict(document):
            raise ValueError("more, or other, than a registry says")
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("registry.invalid", f"the file holds no registry that can be read: {error}") from error
    return registry


def _release(document: Mapping[str, object]) -> PublicRelease:
    state, until = document["state"], _text(document, "until")
    if state not in ("released", "revoked"):
        raise ValueError(f"{state!r} is no state of a release")
    release = ReleaseId(_text(document, "release"))
    # A format's name would tell what the picture was licensed for: copies are only numbered.
    copies = tuple(_copy(each, release, str(number)) for number, each in enumerate(document["copies"], start=1))
    return PublicRelease(release, state == "revoked", date.fromisoformat(until) if until else None, copies)


def _copy(document: Mapping[str, object], release: ReleaseId, number: str) -> CopyTraits:
    hashes = [_text(document, name) for name in ("sha256", "pixels")]
    if any(len(each) != 64 or not set(each) <= _HEX64 for each in hashes):
        raise ValueError("a hash is not 64 hexadecimal digits")
    print_ = Fingerprint(_text(document, "pdq"), int(_text(document, "quality")))
    return CopyTraits(release, number, *hashes, print_, _text(document, "manifest"))


def _text(document: Mapping[str, object], name: str) -> str:
    value = document[name]
    if not isinstance(value, str) or len(value) > 300:
        raise ValueError(f"{name} is no text")
    return value
