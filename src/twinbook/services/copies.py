"""The copies of a made picture: what each shows and says, labelled, sealed, and read back before anybody gets it.

Proofs and findings are copies, too: small pictures for people who have to decide, marked like a release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np

from twinbook.domain import policy
from twinbook.domain.brief import FORMATS, frame
from twinbook.domain.errors import InputError, Refused, StateError
from twinbook.domain.permit import Act
from twinbook.domain.policy import Marks
from twinbook.domain.provenance import Marking, SourceType, copy_name, format_for
from twinbook.domain.second_watermark import likeliest
from twinbook.domain.twin import Box
from twinbook.domain.work import Copy, Work
from twinbook.ports import CopyCode, OpenTwin, Sealed, UnitOfWork

from . import permit, synthetic
from .office import Office

PROOF_LABEL, PROOF_SHARE = "PROOF, NOT RELEASED", Fraction(5, 100)
# A mannequin could be taken for somebody in a costume: every copy says that nobody's body was photographed.
MANNEQUIN_LABEL = "BODY IS A MANNEQUIN"
# Nobody was photographed at all: said on every copy, as New York asks of advertising (General Business Law § 396-b).
SYNTHETIC_LABEL = "SYNTHETIC PERFORMER"
MINIMUM_CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3


@contextmanager
def opened(office: Office, work: Work, act: Act) -> Iterator[tuple[np.ndarray, Mapping[str, OpenTwin]]]:
    """What was made, with everybody in it open: a joint picture takes the key of each. Raises Refused."""
    permits = permit.for_shot(office, work, act)
    with ExitStack() as loans:
        twins = {talent: loans.enter_context(office.vault.open(talent, p)) for talent, p in permits.items()}
        first, *beside = (twins[talent] for talent in work.shot.talents)
        yield first.picture(work.made.picture, beside), twins


def seal(
    office: Office, work: Work, recipient: str = "", tag: str = "", formats: Collection[str] | None = None
) -> dict[str, tuple[Copy, bytes]]:
    """A sealed copy in each of these formats (all of the shot's by default), read back, each with a code of its own: the
    release's, or those of a ``recipient``, filed under a ``tag``. Raises Refused, StateError ``seal.readback``."""
    with opened(office, work, Act.RENDER) as (picture, twins):
        plates = _plate_digests(work, twins)
    return {
        name: _sealed_copy(office, work, picture, name, plates, recipient, tag)
        for name in (work.shot.formats if formats is None else formats)
    }


def _sealed_copy(
    office: Office,
    work: Work,
    picture: np.ndarray,
    format_name: str,
    plates: tuple[str, ...],
    recipient: str,
    tag: str,
) -> tuple[Copy, bytes]:
    pixels, marking = _cropped(office, work, picture, format_name)
    marking = replace(marking, plates=plates)
    code = CopyCode(office.vault.copy_secret(), copy_name(work.release, format_name, recipient))
    sealed = office.sealer.seal(pixels, marking, code)
    _read_back(office, sealed, marking, code)
    filed = format_for(format_name, tag) if tag else format_name
    digest = hashlib.sha256(sealed.data).hexdigest()
    return Copy(filed, file_name(work, filed), digest, pixels.shape[1], pixels.shape[0]), sealed.data


def file_name(work: Work, filed: str) -> str:
    """What a copy's file is called, by what the copy is filed as."""
    return f"{work.name}-{filed}-{work.release}{work.shot.file.suffix}"


def as_released(office: Office, work: Work, format_name: str) -> tuple[np.ndarray, Marking]:
    """What a released copy showed before it was marked, uint8 sRGB (h, w, 3), under a permit for evidence, and what was
    said on it. Raises Refused when what it rests on was revoked."""
    with opened(office, work, Act.EVIDENCE) as (picture, _):
        pass
    return _cropped(office, work, picture, format_name)


def _cropped(office: Office, work: Work, picture: np.ndarray, format_name: str) -> tuple[np.ndarray, Marking]:
    """What a copy in this format shows, uint8 sRGB (h, w, 3), and what has to be said on it: of a released shot as on the
    day of its release. Raises Refused."""
    height, width = picture.shape[:2]
    if not work.made.faces:
        raise Refused("engine.figure", "no face is left to frame the picture by")
    first, *others = work.made.faces[: len(work.shot.talents)]
    crop = frame(width, height, first, work.made.person, FORMATS[format_name], others, work.made.hands)
    pixels = np.ascontiguousarray(picture[crop.top : crop.bottom, crop.left : crop.right])
    with office.unit() as unit:
        asked = marks(office, unit, work, [format_name])
        words = label_words(unit, work, asked)
    share = max(asked.min_share, FORMATS[format_name].letters)
    return pixels, _marking(office, work, format_name, crop, words, share, "aigc" in asked.metadata)


def label_words(unit: UnitOfWork, work: Work, asked: Marks) -> str:
    """The label of a copy: what the law asks for, and what the house says besides."""
    nobody = bool(synthetic.nobodies(unit, work)) and SYNTHETIC_LABEL not in asked.text
    house = [SYNTHETIC_LABEL] * nobody + [MANNEQUIN_LABEL] * work.shot.mannequin
    return " · ".join([asked.text, *house])


def marks(office: Office, unit: UnitOfWork, work: Work, formats: Collection[str]) -> Marks:
    """What the law asks a rendered shot's copies in these formats to show, from today to the end of its licenses: a label
    that comes into force while they are shown is owed by then. In English wherever a law has it: the words of
    the EU's code of practice are English, and one release goes to many places."""
    licenses = permit.licenses(unit, work).values()
    today = (work.released_at or office.clock.now()).date()
    return office.law.marks(
        territories=frozenset().union(*(license.territories for license in licenses)),
        channels={FORMATS[name].channel for name in formats},
        made=made_as(unit, work),
        on=today,
        last=max(today, *(license.ends or date.max for license in licenses)),
    )


def made_as(unit: UnitOfWork, work: Work) -> policy.Made:
    """The most that can be said of the picture: that somebody in it doesn't exist outranks how it was made."""
    if synthetic.nobodies(unit, work):
        return policy.Made.SYNTHETIC
    return policy.Made.GENERATED if work.made.source_type is SourceType.TRAINED else policy.Made.MODIFIED


def _marking(
    office: Office, work: Work, format_name: str, crop: Box, label: str, label_share: Fraction, aigc: bool = False
) -> Marking:
    def seen(box: Box) -> Box:
        return box.shifted(crop.left, crop.top).clipped(crop.width, crop.height)

    with office.unit() as unit:
        licenses = permit.licenses(unit, work)
        nobody = len(synthetic.nobodies(unit, work)) == len(work.shot.talents)
    brand = next(iter(licenses.values())).brand.name
    ends = [license.ends for license in licenses.values() if license.ends]
    return Marking(
        release=work.release,
        format=format_name,
        label=label,
        faces=tuple(seen(box) for box in work.made.faces),
        person=seen(work.made.person),
        source_type=work.made.source_type,
        operations=work.made.operations,
        engine=work.shot.engine,
        engine_version=work.made.engine_version,
        title=f"{brand}: {work.name}",
        credit=f"Digital twin, licensed to {brand}",
        license=" ".join(sorted(set(work.licenses.values()))),
        consent=" ".join(sorted({license.consent for license in licenses.values()})),
        created=office.clock.now().isoformat(timespec="seconds"),
        label_share=float(label_share),
        aigc=aigc,
        file=work.shot.file,
        # Of several licenses the picture may be shown where and while all of them let it.
        starts=max(license.starts for license in licenses.values()).isoformat(),
        ends=min(ends).isoformat() if ends else "",
        channels=tuple(sorted(frozenset.intersection(*(license.channels for license in licenses.values())))),
        credits=work.shot.credits,
        nobody=nobody,
    )


def _read_back(office: Office, sealed: Sealed, marking: Marking, code: CopyCode) -> None:
    """Nothing is staged that the independent reader doesn't find fully marked."""
    try:
        reading = office.reader.read(sealed.data)
    except InputError as error:  # its remedy is for whoever brings a picture, and nobody brought this one
        raise StateError(
            "seal.readback", f"{marking.format}: not so: the file can be read ({error.diagnosis})"
        ) from error
    traced = office.reader.trace(sealed.data, sealed.original_srgb, code.secret, [code.name], in_place=True)
    checks = {
        "the manifest is trusted": reading.manifest.state == "trusted",
        "the manifest names the release": reading.manifest.release == marking.release.hex,
        "the watermark names the release": reading.watermark.release == marking.release,
        "the second watermark names the release": reading.second is None
        or likeliest(reading.second, [marking.release]) == marking.release,
        "the metadata name the release": reading.xmp_release == marking.release.hex,
        "the metadata say how it was made": reading.source_type == marking.source_type.uri,
        "China's entry names the release": not marking.aigc or reading.aigc == marking.release.hex,
        "the label says all it must": reading.label == " ".join(marking.label.split()),
        "the copy's own code is there": traced is not None and bool(traced.above),
        "the label can be read": (reading.label_contrast or 0) >= MINIMUM_CONTRAST,
    }
    failed = [what for what, ok in checks.items() if not ok]
    if failed:
        raise StateError("seal.readback", f"{marking.format}: not so: {'; '.join(failed)}")


def proof(office: Office, work: Work) -> bytes:
    """A small picture for her to decide on, labelled as a proof and marked like a release. Raises Refused."""
    with opened(office, work, Act.RENDER) as (picture, _):
        pass
    return office.sealer.seal(picture, _proof_marking(office, work, picture)).data


def annotated(office: Office, work: Work) -> bytes:
    """What was made with what was found marked in it, for people who have to know why: labelled as a proof and marked like
    a release. Raises Refused, and InputError ``shot.unknown`` when nothing was made."""
    if work.made is None:
        raise InputError("shot.unknown", f"nothing was made for {work.name}, so nothing was measured")
    with opened(office, work, Act.MEASURE) as (picture, _):
        pass
    drawn, shown = office.meter.annotate(picture, work.findings)
    marking = _proof_marking(office, work, drawn)
    scale = shown.width / picture.shape[1]
    faces = [Box(*(round(part * scale) for part in (f.left, f.top, f.width, f.height))) for f in marking.faces]
    told = Box(shown.right, 0, drawn.shape[1] - shown.right, drawn.shape[0])  # the label covers nothing that is told
    # As large as on the picture alone: beside long lists of findings it would grow with them until there is no room.
    share = marking.label_share * min(shown.width, shown.height) / min(drawn.shape[:2])
    marking = replace(marking, faces=(*faces, *([told] if told.width else [])), label_share=share)
    return office.sealer.seal(np.ascontiguousarray(drawn), marking).data


def _proof_marking(office: Office, work: Work, picture: np.ndarray) -> Marking:
    height, width = picture.shape[:2]
    return _marking(office, work, "proof", Box(0, 0, width, height), PROOF_LABEL, PROOF_SHARE)


def _plate_digests(work: Work, twins: Mapping[str, OpenTwin]) -> tuple[str, ...]:
    """What the manifest says of the plates that are in the picture: whoever has one can tell, and nobody else. In one that a
    model made whole there is none."""
    if work.made.source_type is SourceType.TRAINED:
        return ()
    return tuple(pixels_digest(twins[talent].plate(plate).rgb_srgb) for talent, plate in work.plates.items())


def pixels_digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
