"""Copies for those whom a licensee passes pictures on to: each with a secret code of its own, so that a leak can be told apart.

They are copies of a release: nothing is held or paid again, and they go as the release does, by revocation, end and erasing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from twinbook.domain.errors import InputError, StateError
from twinbook.domain.provenance import format_for
from twinbook.domain.spelling import plain
from twinbook.domain.work import Work
from twinbook.ports import UnitOfWork

from . import copies, permit
from .office import Office

_LONGEST = 200


def recipient_name(recipient: str) -> str:
    """One spelling of a recipient's name. Raises InputError ``delivery.recipient``."""
    brand, slash, who = (part.strip() for part in recipient.partition("/"))
    name = plain(brand) + (f"/{plain(who)}" if slash else "")
    if not name.strip("/") or len(name) > _LONGEST:
        raise InputError("delivery.recipient", f"{recipient[:80]!r} is no name of a recipient")
    return name


def copies_for(office: Office, work: Work, recipient: str) -> dict[str, bytes]:
    """The copies of a released shot for a recipient, by file name; those made before as they were made.

    Raises InputError ``delivery.recipient`` when a license names nobody like that, Refused when the gate does, StateError
    ``delivery.changed`` and ``seal.readback``.
    """
    with office.unit() as unit:
        _check(unit, work, recipient)
    tag = _tag(office, recipient)
    found = _made_before(office, work, tag)
    missing = [name for name in work.shot.formats if name not in found]
    if missing:
        _make(office, work, recipient, tag, missing)
        found = _made_before(office, work, tag)
    return {file.name: file.read_bytes() for file in found.values()}


def _check(unit: UnitOfWork, work: Work, recipient: str) -> None:
    for digest in work.licenses.values():
        terms = unit.papers.get(digest).terms
        if not terms.lets_pass_on_to(recipient):
            raise InputError("delivery.recipient", f"the license of {work.name} names no {recipient!r}")


def _tag(office: Office, recipient: str) -> str:
    """Whoever sees a file's name doesn't learn who else gets copies."""
    return hmac.digest(office.vault.copy_secret(), b"recipient/" + recipient.encode(), "sha256").hex()[:8]


def _made_before(office: Office, work: Work, tag: str) -> dict[str, Path]:
    """The files of this recipient by format, each as it was made."""
    files = office.outbox.added(work.release)
    with office.unit() as unit:
        filed = {copy.format: copy.sha256 for copy in unit.issued.of(work.release) if copy.recipient}
    found = {}
    for name in work.shot.formats:
        format_tag = format_for(name, tag)
        file = files.get(copies.file_name(work, format_tag))
        if format_tag not in filed:
            continue  # never made, or its writer was killed before it was filed: it is made anew
        if file is None or hashlib.sha256(file.read_bytes()).hexdigest() != filed[format_tag]:
            raise StateError("delivery.changed", f"a copy of {work.name} for a recipient isn't the one that was made")
        found[name] = file
    return found


def _make(office: Office, work: Work, recipient: str, tag: str, formats: list[str]) -> None:
    sealed = copies.seal(office, work, recipient, tag, formats).values()
    traits = [office.fingerprinter.copy_traits(data, work.release, copy.format) for copy, data in sealed]
    with office.unit() as unit:
        reasons = permit.refusals(office, unit, work, office.clock.now())
        if reasons:  # revoked or over while they were sealed
            raise permit.refused(reasons)
        there = recipients(unit, work)
        for (copy, data), each in zip(sealed, traits, strict=True):
            if copy.format in there:  # another process was first: its copies count
                continue
            # In the transaction, so that what is filed is what lies there; a file that isn't filed is written anew.
            office.outbox.add(work.release, copy.name, data)
            unit.issued.put(replace(each, recipient=recipient))
            facts = {"release": work.release.hex, "shot": work.id, "recipient": tag, "copies": copy.sha256}
            office.record(unit, "image:passed-on", facts, work.shot.talents)


def recipients(unit: UnitOfWork, work: Work) -> Mapping[str, str]:
    """Whom copies of a release were made for, by the format that they are filed under."""
    return {copy.format: copy.recipient for copy in unit.issued.of(work.release) if copy.recipient}
