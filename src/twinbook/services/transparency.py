"""The log as others see it: checkpoints, receipts, the whole of it for a talent, and their verification."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import replace

from twinbook.domain import log
from twinbook.domain.canonical import canonical, member
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.log import Checkpoint, VerifyRaw

from .office import Office

# What reading a document from outside can raise: members missing, of other types, and nesting without end.
_UNREADABLE = (KeyError, TypeError, ValueError, RecursionError)


def checkpoint(office: Office) -> Checkpoint:
    """Sign the log's size and root as they now stand, or return the checkpoint that says so already."""
    with office.unit() as unit:
        hashes = [log.leaf_hash(body) for body in unit.log.bodies()]
        for known in unit.log.checkpoints():
            if known.size == len(hashes):
                return known
        bare = Checkpoint(office.log_signer.origin, len(hashes), log.root(hashes))
        made = replace(
            bare,
            key_hash=log.note_key_hash(bare.origin, office.log_signer.public),
            signature=office.log_signer.sign(bare.body()),
        )
        unit.log.put_checkpoint(made)
        return made


def receipts(office: Office, release: str) -> list[dict[str, object]]:
    """For each leaf about a release's payment: the leaf, its audit path and a checkpoint. Checked without this home."""
    point = checkpoint(office)
    with office.unit() as unit:
        bodies = list(unit.log.bodies())[: point.size]
    hashes = [log.leaf_hash(body) for body in bodies]
    found = []
    for index, body in enumerate(bodies):
        entry = json.loads(body)
        if entry["act"] == "image:released" and entry["facts"].get("release") == release:
            path = [step.hex() for step in log.inclusion_proof(hashes, index)]
            leaf = body.decode()
            found.append({"leaf": leaf, "index": index, "proof": path, "checkpoint": point.note()})
    return found


def verify_receipt(
    receipt: Mapping[str, object], public: bytes, verify_raw: VerifyRaw, origin: str | None = None
) -> dict[str, object]:
    """Check a receipt against the log's public key and return its leaf. Raises StateError ``log.receipt``.

    One key may sign for several logs of a home; with ``origin`` the receipt must be of the one that is meant.
    """
    try:
        point = Checkpoint.from_note(member(receipt, "checkpoint", str))
        leaf = member(receipt, "leaf", str)
        hashed = log.leaf_hash(leaf.encode())
        path = _hashes(receipt, "proof")
        index = member(receipt, "index", int)
    except _UNREADABLE as error:
        raise StateError("log.receipt", "the receipt can't be read") from error
    _check_signature(point, public, verify_raw, origin)
    if not log.verify_inclusion(hashed, index, point.size, path, point.root):
        raise StateError("log.receipt", "the leaf is not in the log that the checkpoint speaks of")
    return _entry(leaf)


def verify_log(office: Office, verify_raw: VerifyRaw) -> tuple[int, int]:
    """Hold the log against every checkpoint ever signed. Returns leaves and checkpoints.

    Raises StateError ``log.inconsistent``, and ``log.receipt`` when a checkpoint on file is not one that was signed.
    """
    with office.unit() as unit:
        hashes = [log.leaf_hash(body) for body in unit.log.bodies()]
        points = list(unit.log.checkpoints())
    for point in points:
        _check_signature(point, office.log_signer.public, verify_raw, office.log_signer.origin)
        if point.size > len(hashes) or not hmac.compare_digest(log.root(hashes[: point.size]), point.root):
            raise StateError("log.inconsistent", f"the log is not the one that was signed at {point.size} leaves")
    return len(hashes), len(points)


def consistency(office: Office, old: Checkpoint, verify_raw: VerifyRaw) -> dict[str, object]:
    """For whoever kept ``old``: today's checkpoint, and the proof that the log still begins as it did then.

    Raises StateError ``log.receipt`` when this log never signed it, ``log.inconsistent`` when the log isn't the one
    that was signed: then there is no such proof.
    """
    _check_signature(old, office.log_signer.public, verify_raw, office.log_signer.origin)
    new = checkpoint(office)
    with office.unit() as unit:
        hashes = [log.leaf_hash(body) for body in unit.log.bodies()][: new.size]
    if old.size > len(hashes) or not hmac.compare_digest(log.root(hashes[: old.size]), old.root):
        raise StateError("log.inconsistent", f"the log is not the one that was signed at {old.size} leaves")
    path = log.consistency_proof(hashes, old.size) if old.size else []
    return {"checkpoint": new.note(), "proof": [step.hex() for step in path]}


def verify_consistency_bundle(
    data: Mapping[str, object], kept: str | bytes, public: bytes, verify_raw: VerifyRaw, origin: str | None = None
) -> Checkpoint:
    """Check offline that the log still begins as the checkpoint that was ``kept`` says, and return the newer one, to be
    kept from now on.

    Raises StateError ``log.receipt`` when one can't be read or isn't signed, ``log.inconsistent`` when history was
    rewritten: then the two signed checkpoints are the evidence.
    """
    old = Checkpoint.from_note(kept)
    try:
        new = Checkpoint.from_note(member(data, "checkpoint", str))
        path = _hashes(data, "proof")
    except _UNREADABLE as error:
        raise StateError("log.receipt", "the proof of consistency can't be read") from error
    for point in (old, new):
        _check_signature(point, public, verify_raw, origin)
    if old.origin != new.origin:
        raise StateError("log.receipt", f"{old.origin} and {new.origin} are two logs")
    if not _continues(old, new, path):
        told = f"the log of {new.size} leaves is not shown to continue the one that was signed at {old.size}"
        raise StateError("log.inconsistent", told)
    return new


def _continues(old: Checkpoint, new: Checkpoint, path: list[bytes]) -> bool:
    if old.size == 0:  # every log continues the empty one, and RFC 9162 has no proof for it
        return old.root == log.root([]) and not path and (new.size > 0 or new.root == old.root)
    return log.verify_consistency(old.size, new.size, path, old.root, new.root)


def bundle(office: Office, talent: str) -> dict[str, object]:
    """Everything she needs to check offline that her statement is whole: all leaves, a checkpoint, and her secret.

    For her alone: with the secret one sees which leaves are about her. Raises InputError ``talent.unknown``.
    """
    point = checkpoint(office)
    with office.unit() as unit:
        if unit.parties.get(talent) is None:
            raise InputError("talent.unknown", f"{talent!r} is not known in this home")
        secret = unit.parties.log_secret(talent)
        leaves = [body.decode() for body in list(unit.log.bodies())[: point.size]]
    return {"checkpoint": point.note(), "leaves": leaves, "secret": secret.hex(), "key": office.log_signer.public.hex()}


def releases_in(
    data: Mapping[str, object], public: bytes, verify_raw: VerifyRaw, origin: str | None = None
) -> set[str]:
    """The releases about her in a bundle. Raises as `released_in` does."""
    return {facts["release"] for facts in released_in(data, public, verify_raw, origin)}


def released_in(
    data: Mapping[str, object], public: bytes, verify_raw: VerifyRaw, origin: str | None = None
) -> list[Mapping[str, str]]:
    """What the log says of each image of hers that was released and paid (``release``, ``license``, ``fee``), oldest first,
    after checking that the bundle's leaves are exactly the log that was signed.

    Raises StateError ``log.receipt`` or ``log.inconsistent``. A secret that recognises nothing is refused: with a false
    one, every bundle would say that nothing was released.
    """
    try:
        point = Checkpoint.from_note(member(data, "checkpoint", str))
        leaves = member(data, "leaves", list)
        hashes = [log.leaf_hash(str.encode(leaf)) for leaf in leaves]
        secret = _from_hex(member(data, "secret", str))
        key = _from_hex(member(data, "key", str))
    except _UNREADABLE as error:
        raise StateError("log.receipt", "the bundle can't be read") from error
    if not hmac.compare_digest(key, public):
        raise StateError("log.receipt", "the bundle is of a log with another key")
    _check_signature(point, public, verify_raw, origin)
    if point.size != len(hashes) or not hmac.compare_digest(log.root(hashes), point.root):
        raise StateError("log.inconsistent", "the leaves are not the log that the checkpoint speaks of")
    entries = [_entry(leaf) for leaf in leaves]
    hers = [entry for entry in entries if log.mark(secret, entry["nonce"]) in entry["who"]]
    if not hers:
        raise StateError(
            "log.receipt", "the bundle's secret recognises no entry of this log", "ask for the bundle of this talent"
        )
    return [entry["facts"] for entry in hers if entry["act"] == "image:released"]


def _entry(leaf: str) -> dict[str, object]:
    """A leaf as its log wrote it. Two readers of JSON must not read two things from it, so only the canonical form is
    taken. Raises StateError ``log.receipt``."""
    try:
        entry = json.loads(leaf)
        facts, who = member(entry, "facts", dict), member(entry, "who", list)
        texts = [*(member(entry, name, str) for name in ("at", "act", "nonce")), *facts.values(), *who]
        if not all(isinstance(text, str) for text in texts) or canonical(entry) != leaf.encode():
            raise ValueError("not a leaf of this kind of log")
        bytes.fromhex(entry["nonce"])
        if entry["act"] == "image:released":
            member(facts, "release", str)
        return entry
    except _UNREADABLE as error:
        raise StateError("log.receipt", "an entry of the log can't be read") from error


def _hashes(data: Mapping[str, object], name: str) -> list[bytes]:
    return [_from_hex(step) for step in member(data, name, list)]


def _from_hex(text: str) -> bytes:
    """Bytes of lower-case hex without spaces, the one form that is written here. Raises ValueError and TypeError."""
    found = bytes.fromhex(text)
    if found.hex() != text:
        raise ValueError("not the canonical form")
    return found


def _check_signature(point: Checkpoint, public: bytes, verify_raw: VerifyRaw, origin: str | None) -> None:
    if origin is not None and point.origin != origin:
        raise StateError("log.receipt", f"the checkpoint is of the log {point.origin}, not of {origin}")
    if not point.signed_by(public, verify_raw):
        raise StateError("log.receipt", "the checkpoint is not signed by the log's key")
