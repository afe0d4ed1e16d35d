"""Keys over time: a party's first, a further one, one in place of another, one that was lost, one that goes.

Whatever brings a new key is signed twice, over the same document: by whoever may bring it, and by the new key itself, so
that no key is registered that nobody holds, or that can't sign at all. Everything is in the log, as hashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from twinbook.domain.errors import SignatureRefused
from twinbook.domain.keyring import (
    NEXT_MOMENT,
    OPERATOR,
    WAITING_PERIOD,
    KeyChange,
    KeyGrounds,
    NewKey,
    check_kept,
    refused,
)
from twinbook.domain.paper import Paper
from twinbook.domain.party import Key, PaperKind, Party, Role, Signature
from twinbook.ports import UnitOfWork

from .filing import file_paper, refusal
from .office import Office

_ACTS = {
    KeyGrounds.FIRST: "key:registered",
    KeyGrounds.ADDED: "key:added",
    KeyGrounds.ROTATED: "key:rotated",
    KeyGrounds.LOST: "key:loss-announced",
    KeyGrounds.RETIRED: "key:retired",
    KeyGrounds.OBJECTED: "key:objected",
}


def draw_change(
    office: Office,
    grounds: KeyGrounds,
    party: str,
    role: Role,
    *,
    new: Key | None = None,
    retires: str = "",
    identity_check: str = "",
) -> KeyChange:
    """A change of keys as it is put before those who sign it; nothing is filed. ``new`` is the new public key with its
    duties, ``retires`` the id of the key concerned. Raises SignatureRefused ``key.change``."""
    now = office.clock.now().replace(microsecond=0)
    lost = grounds is KeyGrounds.LOST
    made = KeyChange(
        party=party,
        role=role,
        grounds=grounds,
        new=NewKey.of(new) if new else None,
        retires=retires,
        at=now,
        effective=now + WAITING_PERIOD if lost else now,
        operator=OPERATOR if lost else "",
        identity_check=identity_check,
    )
    made.check()
    return made


def register(
    office: Office, document: Mapping[str, object], proof: Signature, name: str, born: date | None = None
) -> Key:
    """Take a party's first key, on the word of whoever sits there and the proof that they hold it: for a passkey an
    assertion over the change with the grounds ``first``. A key file's can come the same way.

    Raises SignatureRefused ``signature.key_taken`` when the party has a key or the key a party, ``key.change``, ``key.proof``.
    """
    paper, change = _read(document)
    if change.grounds is not KeyGrounds.FIRST:
        raise refused("only a first key is registered without another one", "have it signed with a key of the party")
    with office.unit() as unit:
        now = _checked(office, unit, paper, change)
        known = _keys(unit, change)
        if known:
            raise SignatureRefused(
                "signature.key_taken", f"{change.party} ({change.role}) has another key: {known[0].id}"
            )
        new = _proven(office, unit, paper, change, proof, now)
        if unit.parties.get(change.party) is None:
            unit.parties.put(Party(change.party, change.role, name, born))
        unit.parties.register(new, now)
        _file(office, unit, paper, change, new, (proof,), now)
        return new


def change_keys(
    office: Office, document: Mapping[str, object], signature: Signature, proof: Signature | None = None
) -> tuple[Key, ...]:
    """Make a signed change and return the party's keys, oldest first. ``proof`` is the new key's signature over the same
    document. Signatures from before a key's end go on counting.

    A loss is signed with this home's own key. Its new key counts after the waiting period, and then the old one no
    longer; until then the old one can sign anything but a change of keys, except the objection that undoes the loss.

    Raises SignatureRefused: whatever `sign.sign` does, ``key.change`` for what keys can't do, ``key.proof`` unless the
    new key's holder signed as well, ``signature.key_taken`` for a key that is somebody else's, ``talent.deceased``.
    """
    paper, change = _read(document)
    with office.unit() as unit:
        now = _checked(office, unit, paper, change)
        by = _signer(office, unit, paper, change, signature)
        if change.new is None:
            if proof is not None:
                raise refused(f"{change.grounds} brings no new key to prove")
            new = None
        else:
            new = _proven(office, unit, paper, change, proof, now)
        old = _concerned(unit, change, now) if change.retires else None
        match change.grounds:
            case KeyGrounds.LOST:
                new = _announce(unit, change, old, new, now)
            case KeyGrounds.OBJECTED:
                _take_back(unit, old, now)
            case KeyGrounds.ADDED | KeyGrounds.ROTATED | KeyGrounds.RETIRED:
                _change(unit, change, by, old, new, now)
            case _:
                raise refused("a first key is registered on its own")
        keys = _keys(unit, change)
        check_kept(keys, now)
        _file(office, unit, paper, change, by, (signature, proof) if proof else (signature,), now)
        return tuple(keys)


def _read(document: Mapping[str, object]) -> tuple[Paper, KeyChange]:
    paper = Paper(dict(document))
    change = paper.terms
    if not isinstance(change, KeyChange):
        raise SignatureRefused("signature.role", f"a {paper.kind.name.lower()} changes no keys")
    return paper, change


def _checked(office: Office, unit: UnitOfWork, paper: Paper, change: KeyChange) -> datetime:
    now = office.clock.now()
    change.check()
    change.check_drawn(now)
    if unit.papers.get(paper.digest) is not None:
        raise refused("this very change was made already", "draw up another one")
    if change.role is Role.TALENT and unit.parties.died(change.party) is not None:
        raise SignatureRefused("talent.deceased", f"{change.party} is reported dead, and her keys stay as they are")
    return now


def _signer(office: Office, unit: UnitOfWork, paper: Paper, change: KeyChange, signature: Signature) -> Key:
    """The key that signed, which may make this change as far as its party and duties go."""
    if change.grounds is KeyGrounds.LOST:
        # The name and algorithm that the signature claims must fit the home's public key: the verifier sees to that.
        home = Key(signature.key, signature.algorithm, office.log_signer.public.hex(), OPERATOR, Role.OPERATOR)
        if not office.verify(paper.message, signature, home):
            raise SignatureRefused("signature.role", "a loss is announced with this home's own key, over this document")
        if unit.parties.get(OPERATOR) is None:
            unit.parties.put(Party(OPERATOR, Role.OPERATOR, "Operator"))
        unit.parties.register(home, office.clock.now())
        return home
    key = unit.parties.key(signature.key)
    fault = refusal(office, paper, key, signature)
    if fault:
        raise fault
    return key


def _proven(
    office: Office, unit: UnitOfWork, paper: Paper, change: KeyChange, proof: Signature | None, now: datetime
) -> Key:
    """The new key, free to be registered, and shown to be held by somebody."""
    new = change.key(now)
    known = unit.parties.key(new.id)
    if known is not None and (known.party, known.role) == (change.party, change.role):
        raise refused(f"{new.id} was {change.party}'s already, and a key comes only once", "make a new key")
    if known is not None or new.public == office.log_signer.public.hex():
        raise SignatureRefused("signature.key_taken", "this key is somebody else's")
    if proof is None or not office.verify(paper.message, proof, new):
        raise SignatureRefused("key.proof", f"the change is not signed with the new key {new.id}")
    return new


def _concerned(unit: UnitOfWork, change: KeyChange, now: datetime) -> Key:
    """The key that the change is about: one of the party's, and live unless its loss is objected to."""
    key = unit.parties.key(change.retires)
    if key is None or (key.party, key.role) != (change.party, change.role):
        raise refused(f"{change.retires} is no key of {change.party} ({change.role})")
    if change.grounds is not KeyGrounds.OBJECTED and not key.counts(now):
        raise refused(f"{key.id} doesn't count any more, or not yet")
    return key


def _announce(unit: UnitOfWork, change: KeyChange, old: Key, new: Key, now: datetime) -> Key:
    if old.until is not None:
        raise refused(f"the loss of {old.id} was announced already")
    change.check_duties(old)
    # However long the paper lay: the days to object begin when everybody can see it.
    from_ = max(change.effective, now + WAITING_PERIOD)
    waiting = replace(new, since=from_)
    unit.parties.register(waiting, now)
    unit.parties.end_key(old.id, from_)
    return waiting


def _take_back(unit: UnitOfWork, lost: Key, now: datetime) -> None:
    """The new key never counts, and the one that was said lost goes on, unless it was ended in another way meanwhile."""
    changes = [p.terms for p in unit.papers.of(lost.party, PaperKind.KEY) if not p.erased]
    coming = {change.new.id for change in changes if change.grounds is KeyGrounds.LOST and change.retires == lost.id}
    waiting = [key for key in map(unit.parties.key, coming) if key.since > now and key.until is None]
    if not waiting:
        raise refused(f"no announced loss of {lost.id} is waiting")
    for key in waiting:
        unit.parties.end_key(key.id, now)
        if lost.until == key.since:
            unit.parties.end_key(lost.id, None)


def _change(unit: UnitOfWork, change: KeyChange, by: Key, old: Key | None, new: Key | None, now: datetime) -> None:
    if by.until is not None:
        # Whoever found a lost key could otherwise bring a key that outlives it.
        raise refused(f"{by.id} is announced as lost", "object to that first")
    if new is not None:
        change.check_duties(by)
        unit.parties.register(new, now)
    if old is not None:
        unit.parties.end_key(old.id, now + NEXT_MOMENT)


def _keys(unit: UnitOfWork, change: KeyChange) -> list[Key]:
    every = unit.parties.keys()
    return [key for key in every if (key.party, key.role) == (change.party, change.role)]


def _file(
    office: Office,
    unit: UnitOfWork,
    paper: Paper,
    change: KeyChange,
    by: Key,
    signatures: tuple[Signature, ...],
    now: datetime,
) -> None:
    file_paper(office, unit, paper, change.party)
    for signature in signatures:  # at the one moment in which the old key still counts and the new one does already
        unit.papers.sign(paper.digest, signature, now)
    new = change.new.id if change.new else ""
    facts = {"paper": paper.digest, "by": by.id, "new": new, "retires": change.retires, "role": change.role.value}
    about = (change.party,) if unit.parties.get(change.party) else ()
    office.record(unit, _ACTS[change.grounds], {name: fact for name, fact in facts.items() if fact}, about)
