"""From a folder of photographs to a twin in the vault, under her consent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from twinbook.domain.campaign import Campaign, CastTalent
from twinbook.domain.canonical import digest
from twinbook.domain.capture import Verdict, choose
from twinbook.domain.errors import CaptureRefused, InputError, TwinbookError
from twinbook.domain.paper import Paper
from twinbook.domain.synthetic import description_faults
from twinbook.domain.twin import Twin, TwinKind
from twinbook.ports import CaptureSession, Meter, Plate, UnitOfWork

from . import permit
from .office import Office
from .synthetic import likenesses

PHOTOGRAPHS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})
# A correction of a photograph's matte lies beside it: "front.mask.png" beside "front.jpg".
MASK = ".mask.png"

MADE_BY_OLDER_CODE = "the twin was made by older code: make it again with `twinbook enroll`"


def photographs(folder: Path, *, empty: bool = False) -> list[Path]:
    """The image files of a folder, by name. Raises CaptureRefused ``capture.none``, unless it may be ``empty``."""
    inside = folder.iterdir() if folder.is_dir() else ()
    found = sorted(f for f in inside if f.suffix.lower() in PHOTOGRAPHS and not f.name.lower().endswith(MASK))
    if not found and not (empty and folder.is_dir()):
        raise CaptureRefused("capture.none", f"there is no photograph in {folder}")
    return found


def watched(office: Office) -> list[Path]:
    """The photographs of the watch list. Raises InputError ``synthetic.watch_list``: one that can't be read must not pass for
    an empty one."""
    if office.watch_list is None:
        return []
    if not office.watch_list.is_dir():
        raise InputError("synthetic.watch_list", f"{office.watch_list} is no folder")
    return photographs(office.watch_list, empty=True)


def judge(
    meter: Meter,
    files: Sequence[Path],
    tell: Callable[[Verdict], None] = lambda verdict: None,
    *,
    compare: bool = True,
) -> tuple[Verdict, ...]:
    """What each photograph of a session is good for. Nothing is kept, so no consent is asked for: it is for whoever
    takes the photographs, on their own machine. Without ``compare`` no face is compared with another."""
    session = meter.session(compare=compare)
    for file in files:
        tell(session.add(file))
    return chosen(session)


def chosen(session: CaptureSession) -> tuple[Verdict, ...]:
    """The session's verdicts, with those marked that would become plates."""
    return choose(session.verdicts())


@dataclass(frozen=True)
class Enrolment:
    """A twin, the photographs that can't be used with the reasons, and the verdict on each; both are empty when the twin
    was there already."""

    twin: Twin
    refused: tuple[tuple[str, TwinbookError], ...] = ()
    verdicts: tuple[Verdict, ...] = ()


def enroll(
    office: Office,
    talent: str,
    consent: str,
    files: Sequence[Path],
    *,
    synthetic: bool = False,
    description: str = "",
    measurements: Mapping[str, float] = MappingProxyType({}),
    named: Collection[str] = (),
    renew: bool = False,
    progress: Callable[[str], None] = lambda line: None,
    tell: Callable[[Verdict], None] = lambda verdict: None,
) -> Enrolment:
    """Make the talent's twin from photographs, or find the one already made from the same ones.

    The best photographs of each view become plates, and those ``named`` (file stems) if they can be used at all. With
    ``renew`` a twin made by older code is made again. ``measurements`` are hers in centimetres (height, bust or chest,
    waist, hips), kept with the plates. Of somebody ``synthetic`` the ``description`` that she was made from, if there is one,
    must be an adult's, and her face nobody's. Raises Refused when the gate denies it, CaptureRefused when no
    photograph is usable; either way nothing is kept. A plate is stored as soon as it is made; what a crash leaves behind
    belongs to no twin, is overwritten by the next enrolment and goes with her key when she is erased.
    """
    if synthetic and description and (faults := description_faults(description)):
        raise permit.refused(faults)
    named = sorted({file.stem for file in files} & set(named))
    captures = _digest(files, named)

    def there(unit: UnitOfWork) -> Twin | None:
        if unit.twins.captures(talent) != captures:
            return None
        current = unit.twins.current(talent)
        return None if renew and current.older_than(office.meter.maker) else current

    with office.unit() as unit:
        found = there(unit)
    if found:
        return Enrolment(found)
    granted = permit.for_captures(office, talent, consent, captures)
    with office.vault.open(talent, granted) as twin:
        sizes = {f"cm.{name}": float(value) for name, value in measurements.items()}

        faces: list[Plate] = []

        def keep(plate: Plate) -> None:
            twin.put_plate(replace(plate, shape={**plate.shape, **sizes}))
            if synthetic:
                faces.append(replace(plate, rgb_srgb=plate.rgb_srgb[:0], alpha=None, regions=None))

        enrolled = office.meter.enroll(files, progress, keep, tell=tell, named=named)
    if synthetic and (alike := likenesses(office, faces, captures, watched(office), (talent,))):
        raise permit.refused(alike)
    with office.unit() as unit:
        if found := there(unit):  # another process was first, with the same photographs
            return Enrolment(found, enrolled.refused, enrolled.verdicts)
        before = unit.twins.current(talent)
        version = before.version + 1 if before else 1
        made = Twin(
            id=f"{talent}:{version}",
            talent=talent,
            version=version,
            kind=TwinKind.SYNTHETIC if synthetic else TwinKind.REPLICA,
            plates=enrolled.facts,
        )
        unit.twins.put(made, captures, office.clock.now())
        facts = {"captures": captures, "plates": str(len(made.plates)), "version": str(version), "consent": consent}
        office.record(unit, "twin:enrolled", facts, (talent,))
    return Enrolment(made, enrolled.refused, enrolled.verdicts)


def enroll_cast(
    office: Office,
    campaign: Campaign,
    cast: CastTalent,
    consent: Paper,
    folder: Path,
    *,
    renew: bool = False,
    progress: Callable[[str], None] = lambda line: None,
    tell: Callable[[Verdict], None] = lambda verdict: None,
) -> Enrolment:
    """`enroll` a talent as the campaign says it: from which photographs (``folder`` is where its relative paths start),
    with which of her measurements, and with a plate of every photograph that a shot names."""
    return enroll(
        office,
        cast.party.id,
        consent.digest,
        photographs(folder / cast.photos),
        synthetic=cast.synthetic,
        description=cast.description,
        measurements=cast.measurements,
        named={planned.shot.plate for planned in campaign.shots if planned.shot.plate},
        renew=renew,
        progress=progress,
        tell=tell,
    )


def _digest(files: Sequence[Path], named: Sequence[str]) -> str:
    """What the twin is made from: the files, and which of them must become plates (another shot may name another)."""
    digests = []
    masks = [mask for file in files if (mask := file.with_name(file.stem + MASK)).is_file()]
    for file in [*files, *masks]:
        with file.open("rb") as opened:
            digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
    return digest([*digests, *named])
