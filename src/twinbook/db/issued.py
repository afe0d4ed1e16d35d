"""What released copies are found again by."""

from __future__ import annotations

from sqlalchemy import select

from twinbook.domain.fingerprint import CopyTraits, Fingerprint
from twinbook.domain.provenance import ReleaseId

from . import tables as t
from .room import Room

_PUBLIC = [column for column in t.issued.c if column.name != "features"]


class Issued(Room):
    """Implements the Issued port."""

    def put(self, copy: CopyTraits) -> None:
        values = {
            "sha256": copy.sha256,
            "pixels": copy.pixels,
            "pdq": copy.fingerprint.pdq,
            "quality": copy.fingerprint.quality,
            "manifest": copy.manifest,
            "features": copy.features,
            "recipient": copy.recipient,
        }
        this = t.issued.c.release == copy.release.hex, t.issued.c.format == copy.format
        if not self._change(t.issued, *this, **values):
            self._add(t.issued, release=copy.release.hex, format=copy.format, **values)

    def of(self, release: ReleaseId) -> list[CopyTraits]:
        return self._copies(t.issued.c.release == release.hex)

    def all(self) -> list[CopyTraits]:
        return self._copies()

    def features(self, copy: CopyTraits) -> bytes:
        row = self._row(t.issued, t.issued.c.release == copy.release.hex, t.issued.c.format == copy.format)
        return row.features if row else b""

    def by_manifest(self, manifest: str) -> CopyTraits | None:
        found = self._copies(t.issued.c.manifest == manifest) if manifest else []
        return found[0] if found else None

    def _copies(self, *where) -> list[CopyTraits]:
        """Without their features: fifty kilobytes each are read for the few that are asked for."""
        query = select(*_PUBLIC).where(t.issued.c.tenant == self._tenant, *where)
        ordered = query.order_by(t.issued.c.release, t.issued.c.format)
        return [
            CopyTraits(
                ReleaseId(row.release),
                row.format,
                row.sha256,
                row.pixels,
                Fingerprint(row.pdq, row.quality),
                row.manifest,
                recipient=row.recipient,
            )
            for row in self._connection.execute(ordered)
        ]
