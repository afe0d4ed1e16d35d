"""What found pictures are looked up by, and where it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..domain.fingerprint import CopyTraits, Traits
from ..domain.provenance import ReleaseId


class Fingerprinter(Protocol):
    """Takes from a picture what it is found again by. Shares nothing with the sealer but the specification.

    Every call that looks at pixels raises InputError ``image.unreadable`` for what can't be decoded, and nothing else.
    """

    def traits(self, data: bytes) -> Traits:
        """What a found picture is looked up by."""

    def copy_traits(self, data: bytes, release: ReleaseId, format_name: str) -> CopyTraits:
        """What is kept of a released copy."""

    def pixels(self, data: bytes) -> str:
        """The digest that `copy_traits` keeps of the decoded picture."""

    def manifest_store(self, data: bytes, *, active: bool = False) -> bytes | None:
        """The C2PA manifest store that a file carries, or its active manifest alone in a store; None without one. Raises
        nothing, and validates nothing."""

    def fits(self, found: Traits, copy: CopyTraits) -> int:
        """How many local features of the two agree on one geometry; 0 when so few that chance may do it."""


class Issued(Protocol):
    """What is kept of released copies, to find them again by."""

    def put(self, copy: CopyTraits) -> None:
        """Keep it; the same copy again changes nothing."""

    def of(self, release: ReleaseId) -> Sequence[CopyTraits]:
        """The copies of one release, by format and without their features."""

    def all(self) -> Sequence[CopyTraits]:
        """Every copy, without its features."""

    def features(self, copy: CopyTraits) -> bytes:
        """The local features of one copy; empty when they are gone."""

    def by_manifest(self, manifest: str) -> CopyTraits | None:
        """The copy with the C2PA manifest of this id."""
