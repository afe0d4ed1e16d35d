"""The append-only log: a Merkle tree per RFC 9162 section 2.1, with checkpoints anybody can hold on to.

Nothing personal stands in a leaf. Who it is about is an HMAC under a secret of that talent (`mark`), fresh with each
leaf: whoever holds her secret recognises every leaf about her, nobody else recognises any, and when the secret is
destroyed what is left is noise while the tree still verifies.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .canonical import canonical
from .errors import StateError


@dataclass(frozen=True)
class Entry:
    """One act. ``act`` is ``subject:verb`` (``image:released``); ``facts`` are digests, ids and numbers as text, never
    names; ``who`` are marks of the talents concerned; ``nonce`` is 16 random bytes in hex."""

    at: datetime
    act: str
    facts: Mapping[str, str]
    nonce: str
    who: tuple[str, ...] = ()

    def body(self) -> bytes:
        """The leaf's bytes."""
        return canonical(
            {
                "at": self.at.isoformat(),
                "act": self.act,
                "facts": dict(self.facts),
                "nonce": self.nonce,
                "who": list(self.who),
            }
        )


def mark(secret: bytes, nonce: str) -> str:
    """How a talent's leaves are marked: HMAC-SHA-256 of the leaf's nonce under her secret."""
    return hmac.new(secret, bytes.fromhex(nonce), hashlib.sha256).hexdigest()


def leaf_hash(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (at least 2)."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of leaf hashes (RFC 9162, 2.1.1)."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    # Complete subtrees are merged as leaves arrive, so that a log of any length costs one hash a leaf.
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        size, node = 1, leaf
        while stack and stack[-1][0] == size:
            size, node = size * 2, _node(stack.pop()[1], node)
        stack.append((size, node))
    node = stack.pop()[1]
    while stack:
        node = _node(stack.pop()[1], node)
    return node


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*inclusion_proof(leaves[:k], index), root(leaves[k:])]
    return [*inclusion_proof(leaves[k:], index - k), root(leaves[:k])]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], tree_root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, node = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = _node(step, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = _node(node, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and hmac.compare_digest(node, tree_root)


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """That the tree of the first ``old_size`` leaves is the beginning of this one (RFC 9162, 2.1.4.1)."""
    if not 0 < old_size <= len(leaves):
        raise IndexError(old_size)

    def subproof(part: Sequence[bytes], m: int, whole: bool) -> list[bytes]:
        if m == len(part):
            return [] if whole else [root(part)]
        k = _split(len(part))
        if m <= k:
            return [*subproof(part[:k], m, whole), root(part[k:])]
        return [*subproof(part[k:], m - k, False), root(part[:k])]

    return subproof(leaves, old_size, True)


def verify_consistency(old_size: int, new_size: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162, 2.1.4.2."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and hmac.compare_digest(old_root, new_root)
    steps = list(proof)
    if old_size & (old_size - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        return False
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = _node(step, first), _node(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = _node(second, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and hmac.compare_digest(first, old_root) and hmac.compare_digest(second, new_root)


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of the log's size and root, in the C2SP tlog-checkpoint format. ``signature`` is the bare
    Ed25519 signature over `body`; ``key_name`` and ``key_hash`` (4 bytes) say whose, per C2SP signed-note."""

    origin: str
    size: int
    root: bytes
    key_hash: bytes = b""
    signature: bytes = b""

    def body(self) -> bytes:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()

    def note(self) -> str:
        sealed = base64.b64encode(self.key_hash + self.signature).decode()
        return f"{self.body().decode()}\n— {self.origin} {sealed}\n"

    @classmethod
    def from_note(cls, note: str) -> Checkpoint:
        """Raises StateError ``log.receipt`` for text that is no checkpoint; verifies nothing."""
        try:
            text, _, last = note.partition("\n\n")
            origin, size, root_text = text.split("\n")
            dash, name, sealed = last.rstrip("\n").split(" ")
            raw = base64.b64decode(sealed, validate=True)
            if dash != "—" or name != origin or len(raw) != 68 or str(int(size)) != size:
                raise ValueError("malformed")
            tree_root = base64.b64decode(root_text, validate=True)
            if len(tree_root) != 32:
                raise ValueError("malformed")
            return cls(origin, int(size), tree_root, raw[:4], raw[4:])
        except ValueError as error:
            raise StateError("log.receipt", "the checkpoint can't be read") from error


def note_key_hash(name: str, public: bytes) -> bytes:
    """The key hash of C2SP signed-note for an Ed25519 key (algorithm byte 1)."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
