"""A licensee's delivery: the released copies it may use today, and what it must know to show them, in one archive.

What was revoked, ended, expired or never released isn't in it, nor anything of another licensee. The same books on the
same day give the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinbook.domain.brief import FORMATS
from twinbook.domain.consent import Part
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.license import License
from twinbook.domain.party import PaperKind
from twinbook.domain.work import Stage, Work
from twinbook.ports import UnitOfWork

from . import copies, pass_on, synthetic
from .office import Office

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP can say; the day of packing would make every archive another

# What platforms do with what the files carry, as measured and reported in 2026 (docs/reference/delivery.md).
PLATFORMS = {
    "instagram": (
        "Switch on “AI label” under “Advanced settings” when you post; Instagram labels by itself what it recognises.",
        "Instagram reads the C2PA manifest and the IPTC digital source type, and then strips both: keep the delivered file.",
        "Upload the delivered file itself. Saving it anew breaks its manifest; covering or cropping away the label breaks the license.",
    ),
    "tiktok": (
        "Switch on “AI-generated content” under “More options” when you post.",
        "TikTok labels by itself what carries a C2PA manifest.",
        "TikTok is reported to take down synthetic media of private individuals even when labelled: ask it before the campaign counts on it.",
    ),
    "print": (
        "On paper nothing is left of manifest and metadata: the label on the picture is what the law asks for, and has to stay whole.",
        "Let the printer convert the delivered file to the press's colours at its own size, without cropping or retouching.",
    ),
    "outdoor": (
        "On a poster nothing is left of manifest and metadata: the label on the picture is what the law asks for, and has to stay whole.",
        "On screens in the street show the delivered file itself, not a recording of it.",
    ),
}


@dataclass(frozen=True)
class Delivery:
    """``archive`` is a ZIP; ``files`` the names of the pictures in it; ``left_out`` says of each released shot that isn't in it why."""

    archive: bytes
    files: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]


def deliver(office: Office, brand: str, recipient: str = "") -> Delivery:
    """What this brand (a party's id) may use today; with a ``recipient`` in copies made for them, with codes of their own.
    Raises InputError ``delivery.none`` when there is nothing, ``delivery.recipient``, StateError ``delivery.changed`` when a
    published copy isn't the one that was released."""
    recipient = pass_on.recipient_name(recipient) if recipient else ""
    with office.unit() as unit:
        packed, left_out = [], []
        for work in _released(unit, brand):
            why = _closed(office, unit, work)
            if why:
                left_out.append((work.name, why))
            else:
                packed.append(work)
        if not packed:
            told = "; ".join(f"{name}: {why}" for name, why in left_out)
            raise InputError(
                "delivery.none", f"there is nothing to deliver to {brand!r}" + (f" ({told})" if told else "")
            )
    pictures: dict[str, bytes] = {}
    captions: list[dict[str, str]] = []
    sheet: list[dict[str, object]] = []
    for work in packed:
        mine = pass_on.copies_for(office, work, recipient) if recipient else _pictures(office, work)
        pictures |= mine
        with office.unit() as unit:
            captions += _captions(office, unit, work, list(mine))
            sheet += _compliance(office, unit, work)
    files = {f"images/{name}": data for name, data in pictures.items()}
    channels = {row["channel"] for row in captions}
    files["captions.csv"] = _table(captions)
    files["compliance.json"] = json.dumps(sheet, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"
    files["compliance.md"] = _as_page(sheet).encode()
    for channel in sorted(channels & PLATFORMS.keys()):
        files[f"notes/{channel}.txt"] = "".join(f"- {line}\n" for line in PLATFORMS[channel]).encode()
    files["SHA256SUMS"] = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    ).encode()
    return Delivery(_archive(files), tuple(sorted(pictures)), tuple(left_out))


def _released(unit: UnitOfWork, brand: str) -> list[Work]:
    """Every released shot that all of its talents licensed to this brand, oldest first."""
    licenses = {
        paper.digest: paper.terms
        for paper in unit.papers.starting("")
        if paper.kind is PaperKind.LICENSE and not paper.erased and paper.terms.brand.id == brand
    }
    talents = sorted({terms.talent.id for terms in licenses.values()})
    works = {work.id: work for talent in talents for work in unit.works.of_talent(talent)}
    mine = [
        work
        for work in works.values()
        if work.stage is Stage.RELEASED and work.licenses and set(work.licenses.values()) <= licenses.keys()
    ]
    return sorted(mine, key=lambda work: (work.released_at, work.id))


def _closed(office: Office, unit: UnitOfWork, work: Work) -> str:
    """Why a released shot may not be used today, or nothing. Notice that was given counts from the day it names."""
    now = office.clock.now()
    for digest in work.licenses.values():
        license = unit.papers.get(digest)
        terms: License = license.terms
        if license.revoked_at is not None and license.revoked_at <= now:
            return "its license was revoked or has ended"
        if not terms.runs(now.date()):
            return "its license is not in force today"
        consent = unit.papers.get(terms.consent)
        withdrawn = consent.withdrawn.get(Part.GENERATE) if consent is not None else None
        if (
            consent is None
            or consent.erased
            or (consent.revoked_at is not None and consent.revoked_at <= now)
            or (withdrawn is not None and withdrawn <= now)
        ):
            return "the consent under its license was revoked"
    return ""


def _pictures(office: Office, work: Work) -> dict[str, bytes]:
    published = office.outbox.released(work.release)
    found = {}
    for copy in work.copies:
        data = published[copy.name].read_bytes() if copy.name in published else b""
        if hashlib.sha256(data).hexdigest() != copy.sha256:
            raise StateError("delivery.changed", f"{copy.name} isn't the copy that was released")
        found[copy.name] = data
    return found


def _captions(office: Office, unit: UnitOfWork, work: Work, names: Sequence[str]) -> list[dict[str, str]]:
    """The label's words as a caption and in the alternative text too: who can't see the label reads the same. ``names`` are
    the pictures' files, in the order of the release's copies."""
    brand = _licenses(unit, work)[0].brand.name
    nobody = len(synthetic.nobodies(unit, work)) == len(work.shot.talents)
    whose = "A person who does not exist" if nobody else "Digital twin of a consenting person"
    rows = []
    for copy, name in zip(work.copies, names, strict=True):
        label = copies.label_words(unit, work, copies.marks(office, unit, work, [copy.format]))
        rows.append(
            {
                "file": f"images/{name}",
                "channel": FORMATS[copy.format].channel,
                "caption": label,
                "alt_text": f"{label}. {whose}, for {brand}.",
                "credit": f"Digital twin, licensed to {brand}",
                "digital_source_type": work.made.source_type.uri,
                "width": str(copy.width),
                "height": str(copy.height),
                "release": work.release.hex,
            }
        )
    return rows


def _compliance(office: Office, unit: UnitOfWork, work: Work) -> list[dict[str, object]]:
    """What the law packs ask for in each territory and channel, from today to the end of the license."""
    licenses, today = _licenses(unit, work), office.clock.now().date()
    ends = min((license.ends for license in licenses if license.ends), default=today)
    rows = []
    for channel in sorted({FORMATS[copy.format].channel for copy in work.copies}):
        for territory in sorted(frozenset.intersection(*(license.territories for license in licenses))):
            marks = office.law.marks([territory], [channel], copies.made_as(unit, work), today, last=max(today, ends))
            rows.append(
                {
                    "shot": work.name,
                    "release": work.release.hex,
                    "territory": territory,
                    "channel": channel,
                    "label": marks.text,
                    "letters_at_least": f"{float(marks.min_share):.1%} of the shortest side",
                    "metadata": sorted(marks.metadata),
                    "to_do": list(marks.notices),
                    "sources": list(marks.sources),
                    "until": ends.isoformat(),
                }
            )
    return rows


def _licenses(unit: UnitOfWork, work: Work) -> list[License]:
    return [unit.papers.get(digest).terms for digest in work.licenses.values()]


def _table(rows: Sequence[Mapping[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def _as_page(sheet: Sequence[Mapping[str, object]]) -> str:
    lines = [
        "# What each place and channel asks for",
        "",
        "Not legal advice. The label is on the pictures already.",
        "",
    ]
    for row in sheet:
        lines += [
            f"## {row['shot']}: {row['channel']} in {row['territory']}, until {row['until']}",
            "",
            f"- label: {row['label']}, letters of {row['letters_at_least']} or more",
            f"- in the file: {', '.join(row['metadata']) or 'nothing is asked for'}",
            *(f"- to do: {notice}" for notice in row["to_do"]),
            *(f"- source: {source}" for source in row["sources"]),
            "",
        ]
    return "\n".join(lines)


def _archive(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # whatever system packs it
            archive.writestr(entry, data)  # stored: pictures don't get smaller, and compressors differ
    return target.getvalue()
