"""From a folder of photographs to a twin in the vault, under her consent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from twinbook.domain.canonical import digest
from twinbook.domain.errors import CaptureRefused, TwinbookError
from twinbook.domain.twin import Twin, TwinKind

from . import permit
from .office import Office

PHOTOGRAPHS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})


def photographs(folder: Path) -> list[Path]:
    """The image files of a folder, by name. Raises CaptureRefused ``capture.none``."""
    found = sorted(f for f in folder.iterdir() if f.suffix.lower() in PHOTOGRAPHS) if folder.is_dir() else []
    if not found:
        raise CaptureRefused("capture.none", f"there is no photograph in {folder}")
    return found


def enroll(
    office: Office,
    talent: str,
    consent: str,
    files: Sequence[Path],
    *,
    synthetic: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> tuple[Twin, tuple[tuple[str, TwinbookError], ...]]:
    """Make the talent's twin from photographs, or find the one already made from the same ones.

    Returns the twin and the photographs that were not used, with the reasons. Raises Refused when the gate denies it,
    CaptureRefused when no photograph is usable; either way nothing is kept.
    """
    captures = digest([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
    with office.unit() as unit:
        if unit.twins.captures(talent) == captures:
            return unit.twins.current(talent), ()
    granted = permit.for_captures(office, talent, consent, captures)
    with office.vault.open(talent, granted) as twin:
        enrolled = office.meter.enroll(files, progress)
        for plate in enrolled.plates:
            twin.put_plate(plate)
    with office.unit() as unit:
        before = unit.twins.current(talent)
        if before and unit.twins.captures(talent) == captures:  # another process was first, with the same photographs
            return before, enrolled.refused
        version = before.version + 1 if before else 1
        made = Twin(
            id=f"{talent}:{version}",
            talent=talent,
            version=version,
            kind=TwinKind.SYNTHETIC if synthetic else TwinKind.REPLICA,
            plates=tuple(plate.facts for plate in enrolled.plates),
        )
        unit.twins.put(made, captures, office.clock.now())
        facts = {"captures": captures, "plates": str(len(made.plates)), "version": str(version), "consent": consent}
        office.record(unit, "twin:enrolled", facts, (talent,))
    return made, enrolled.refused
