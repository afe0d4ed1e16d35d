"""The append-only log: a Merkle tree per RFC 9162 section 2.1, with checkpoints anybody can hold on to.

Checkpoints are signed notes (C2SP signed-note and tlog-checkpoint), so that tools that aren't ours read them.

Nothing personal stands in a leaf. Who it is about is an HMAC under a secret of that talent (`mark`), fresh with each
leaf: whoever holds her secret recognises every leaf about her, nobody else recognises any, and when the secret is
destroyed what is left is noise while the tree still verifies.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .canonical import canonical
from .errors import InputError, StateError

VerifyRaw = Callable[[bytes, bytes, bytes], bool]
"""Whether a bare Ed25519 signature over a message is a public key's: ``verify(message, signature, public)``."""

_HASH_BYTES = 32
_ED25519 = b"\x01"  # the signature type of C2SP signed-note
_LARGEST_NOTE = 1_000_000  # bytes; 16 post-quantum signatures, which every verifier must take, are a tenth of that
_MOST_SIGNATURES = 100
_LARGEST_SIZE = 2**63 - 1  # what databases and other languages hold in a signed integer
_NAMING = "name the tenant without spaces, plus signs and control characters"


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
    """RFC 9162, 2.1.1: leaves and nodes are hashed apart, so that neither passes for the other."""
    return hashlib.sha256(b"\x00" + body).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _are_hashes(*nodes: bytes) -> bool:
    # With children of other lengths the boundary between the two could be moved within the same 64 bytes.
    return all(isinstance(node, bytes) and len(node) == _HASH_BYTES for node in nodes)


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
    """Whether the audit path leads from a leaf's hash to the root (RFC 9162, 2.1.3.2).

    Size and root are to come from one checkpoint: a root alone doesn't say how many leaves are under it.
    """
    if not 0 <= index < size or not _are_hashes(leaf, tree_root, *proof):
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
    """Whether the newer tree begins with the older one (RFC 9162, 2.1.4.2). Each size belongs to its root.

    The empty tree is refused: every tree begins with it, so a proof of that would prove nothing.
    """
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and hmac.compare_digest(old_root, new_root)
    if not _are_hashes(old_root, new_root, *proof):
        return False
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
class NoteSignature:
    """A signature line of a note: the name of the key, which of that name's keys (4 bytes), and what it signed."""

    name: str
    key_hash: bytes
    signature: bytes

    def line(self) -> str:
        sealed = base64.b64encode(self.key_hash + self.signature).decode()
        return f"— {self.name} {sealed}"

    @classmethod
    def from_line(cls, line: str) -> NoteSignature:
        """Raises ValueError for a line that isn't exactly what `line` writes."""
        _, name, sealed = line.split(" ")
        raw = base64.b64decode(sealed, validate=True)
        made = cls(name, raw[:4], raw[4:])
        if not _is_key_name(name) or not made.signature or made.line() != line:
            raise ValueError("malformed signature line")
        return made


@dataclass(frozen=True)
class Note:
    """A text and who signed it (C2SP signed-note). Nothing in the text counts before `signed_by` has said yes."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return "\n".join([self.text, *(signature.line() for signature in self.signatures), ""])

    @classmethod
    def parse(cls, note: str | bytes) -> Note:
        """Raises StateError ``log.receipt`` for what is no signed note; verifies nothing."""
        try:
            raw = note if isinstance(note, bytes) else str.encode(note)
            whole = raw.decode()
            if len(raw) > _LARGEST_NOTE or any(letter < " " and letter != "\n" for letter in whole):
                raise ValueError("too long, or control characters")
            # The last blank line parts text and signatures: the text may have blank lines of its own.
            text, blank, last = whole.rpartition("\n\n")
            *lines, rest = last.split("\n")
            if not blank or rest or not 0 < len(lines) <= _MOST_SIGNATURES:
                raise ValueError("not a text, a blank line and whole signature lines")
            return cls(text + "\n", tuple(NoteSignature.from_line(line) for line in lines))
        except (TypeError, ValueError) as error:
            raise StateError("log.receipt", "the signed note can't be read") from error

    def signed_by(self, name: str, public: bytes, verify_raw: VerifyRaw) -> bool:
        """Whether this Ed25519 key signed the text. Lines of other keys are passed over, as the specification demands;
        of this one's, not a single line may fail."""
        key_hash = note_key_hash(name, public)
        ours = [line.signature for line in self.signatures if (line.name, line.key_hash) == (name, key_hash)]
        return bool(ours) and all(verify_raw(self.text.encode(), signature, public) for signature in ours)


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement of the log's size and root, in the C2SP tlog-checkpoint format.

    ``signature`` is the bare Ed25519 signature over `body` and ``key_hash`` (4 bytes) says of which key; the key's name
    is the origin. ``extensions`` are lines that a log may add to what it signs; ``others`` are further signatures,
    of witnesses or of another key of the log.
    """

    origin: str
    size: int
    root: bytes
    key_hash: bytes = b""
    signature: bytes = b""
    extensions: tuple[str, ...] = ()
    others: tuple[NoteSignature, ...] = ()

    def body(self) -> bytes:
        """What is signed: every line before the blank one."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        return "".join(f"{line}\n" for line in lines).encode()

    def note(self) -> str:
        """Raises StateError ``log.receipt`` when the origin is no key name: nobody could read the note."""
        if self.signature and not _is_key_name(self.origin):
            raise StateError("log.receipt", f"{self.origin!r} can't name a log's key", _NAMING)
        return str(self._note())

    def signed_by(self, public: bytes, verify_raw: VerifyRaw, name: str | None = None) -> bool:
        """Whether this key signed it; its name is the origin unless another is given. See `Note.signed_by`."""
        return self._note().signed_by(name or self.origin, public, verify_raw)

    def _note(self) -> Note:
        ours = (NoteSignature(self.origin, self.key_hash, self.signature),) if self.signature else ()
        return Note(self.body().decode(), ours + self.others)

    @classmethod
    def from_note(cls, note: str | bytes) -> Checkpoint:
        """Raises StateError ``log.receipt`` for text that is no checkpoint; verifies nothing."""
        signed = Note.parse(note)
        try:
            origin, size_text, root_text, *extensions = signed.text.removesuffix("\n").split("\n")
            size, tree_root = int(size_text), base64.b64decode(root_text, validate=True)
            if not origin or not all(extensions) or not 0 <= size <= _LARGEST_SIZE or not _are_hashes(tree_root):
                raise ValueError("malformed")
            ours = next((line for line in signed.signatures if line.name == origin), NoteSignature(origin, b"", b""))
            others = tuple(line for line in signed.signatures if line is not ours)
            made = cls(origin, size, tree_root, ours.key_hash, ours.signature, tuple(extensions), others)
            # One way to write each checkpoint: no leading zeros, plus signs, foreign digits or spare base64 bits.
            if made.body().decode() != signed.text:
                raise ValueError("not the canonical form")
            return made
        except ValueError as error:
            raise StateError("log.receipt", "the checkpoint can't be read") from error


def _is_key_name(name: str) -> bool:
    return bool(name) and not any(letter.isspace() or letter == "+" or letter < " " for letter in name)


def note_key_hash(name: str, public: bytes) -> bytes:
    """The key hash (key ID) of C2SP signed-note for an Ed25519 key (algorithm byte 1)."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def vkey(name: str, public: bytes) -> str:
    """An Ed25519 key as a C2SP signed-note verifier key, ``name+hash+key``: what other tools take to check notes.

    Raises InputError ``key.unreadable`` for what can't be one.
    """
    if not _is_key_name(name) or len(public) != 32:
        raise InputError("key.unreadable", f"{name!r} can't name a log's key", _NAMING)
    return f"{name}+{note_key_hash(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def read_vkey(text: str) -> tuple[str, bytes]:
    """Name and public key of an Ed25519 verifier key. Raises InputError ``key.unreadable``."""
    try:
        name, _, key = text.split("+", 2)
        public = base64.b64decode(key, validate=True).removeprefix(_ED25519)
        if vkey(name, public) != text:
            raise ValueError("not the canonical form")
        return name, public
    except (ValueError, InputError) as error:
        hint = 'give the text after "vkey" in log-key.json'
        raise InputError("key.unreadable", "this is no verifier key of an Ed25519 key", hint) from error
