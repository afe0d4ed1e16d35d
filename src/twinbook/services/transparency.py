"""The log as others see it: checkpoints, receipts, the whole of it for a talent, and their verification."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from twinbook.domain import log
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.log import Checkpoint

from .office import Office

VerifyRaw = Callable[[bytes, bytes, bytes], bool]


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


def verify_receipt(receipt: Mapping[str, object], public: bytes, verify_raw: VerifyRaw) -> dict[str, object]:
    """Check a receipt against the log's public key and return its leaf. Raises StateError ``log.receipt``."""
    try:
        point = Checkpoint.from_note(str(receipt["checkpoint"]))
        leaf = str(receipt["leaf"]).encode()
        path = [bytes.fromhex(step) for step in receipt["proof"]]
        index = receipt["index"]
        entry = json.loads(leaf)
    except (KeyError, TypeError, ValueError) as error:
        raise StateError("log.receipt", "the receipt can't be read") from error
    _check_signature(point, public, verify_raw)
    whole = type(index) is int and all(len(step) == 32 for step in path)
    if not whole or not log.verify_inclusion(log.leaf_hash(leaf), index, point.size, path, point.root):
        raise StateError("log.receipt", "the leaf is not in the log that the checkpoint speaks of")
    return entry


def verify_log(office: Office, verify_raw: VerifyRaw) -> tuple[int, int]:
    """Hold the log against every checkpoint ever signed. Returns leaves and checkpoints; raises StateError
    ``log.inconsistent``."""
    with office.unit() as unit:
        hashes = [log.leaf_hash(body) for body in unit.log.bodies()]
        points = list(unit.log.checkpoints())
    for point in points:
        _check_signature(point, office.log_signer.public, verify_raw)
        if point.size > len(hashes) or not hmac.compare_digest(log.root(hashes[: point.size]), point.root):
            raise StateError("log.inconsistent", f"the log is not the one that was signed at {point.size} leaves")
    return len(hashes), len(points)


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


def releases_in(data: Mapping[str, object], public: bytes, verify_raw: VerifyRaw) -> set[str]:
    """The releases about her in a bundle, after checking that its leaves are exactly the log that was signed.

    Raises StateError ``log.receipt`` or ``log.inconsistent``.
    """
    try:
        point = Checkpoint.from_note(str(data["checkpoint"]))
        bodies = [str(leaf).encode() for leaf in data["leaves"]]
        secret = bytes.fromhex(str(data["secret"]))
        entries = [json.loads(body) for body in bodies]
    except (KeyError, TypeError, ValueError) as error:
        raise StateError("log.receipt", "the bundle can't be read") from error
    _check_signature(point, public, verify_raw)
    if point.size != len(bodies) or log.root([log.leaf_hash(body) for body in bodies]) != point.root:
        raise StateError("log.inconsistent", "the leaves are not the log that the checkpoint speaks of")
    return {
        entry["facts"]["release"]
        for entry in entries
        if entry["act"] == "image:released" and log.mark(secret, entry["nonce"]) in entry["who"]
    }


def _check_signature(point: Checkpoint, public: bytes, verify_raw: VerifyRaw) -> None:
    expected = log.note_key_hash(point.origin, public)
    if point.key_hash != expected or not verify_raw(point.body(), point.signature, public):
        raise StateError("log.receipt", "the checkpoint is not signed by the log's key")
