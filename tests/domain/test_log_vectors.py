"""The Merkle tree and signed notes against what others published, and against the RFC's definitions written out.

`tests/vectors/merkle` holds the vectors of transparency-dev/merkle; beside them the same kinds of true and spoilt proofs
are made here from the recursive definitions of RFC 9162 2.1, for every tree of up to 24 leaves.
"""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from twinbook.domain import log
from twinbook.domain.errors import InputError, StateError
from twinbook.domain.log import Checkpoint, Note, NoteSignature
from twinbook.keys.signatures import verify_raw

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "merkle"
PUBLISHED = {kind: json.loads((VECTORS / f"{kind}.json").read_bytes()) for kind in ("inclusion", "consistency")}

SIZES = range(1, 25)
LEAVES = [log.leaf_hash(bytes([number])) for number in range(SIZES.stop)]
GARBAGE = hashlib.sha256(b"garbage").digest()
NOTHING = hashlib.sha256(b"").digest()


def decoded(case, *names):
    return [base64.b64decode(case[name] or "") for name in names], [base64.b64decode(n) for n in case["proof"] or []]


def test_the_published_set_is_whole():
    assert {kind: len(cases) for kind, cases in PUBLISHED.items()} == {"inclusion": 98, "consistency": 98}


@pytest.mark.parametrize("name", PUBLISHED["inclusion"])
def test_published_inclusion(name):
    case = PUBLISHED["inclusion"][name]
    (leaf, root), proof = decoded(case, "leafHash", "root")
    assert log.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root) is not case["wantErr"]


@pytest.mark.parametrize("name", PUBLISHED["consistency"])
def test_published_consistency(name):
    case = PUBLISHED["consistency"][name]
    (old, new), proof = decoded(case, "root1", "root2")
    assert log.verify_consistency(case["size1"], case["size2"], proof, old, new) is not case["wantErr"]


# --- the definitions of RFC 9162, word for word and slow --------------------------------------------------------------


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size):
    return max(1 << bit for bit in range(size) if 1 << bit < size)


def tree_hash(leaves):
    """MTH of 2.1.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else NOTHING
    k = split(len(leaves))
    return node(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


def path(index, leaves):
    """PATH of 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), tree_hash(leaves[k:])]
    return [*path(index - k, leaves[k:]), tree_hash(leaves[:k])]


def subproof(m, leaves, whole):
    """SUBPROOF of 2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), tree_hash(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), tree_hash(leaves[:k])]


def spoilt_paths(proof, *roots):
    """The ways in which published vectors spoil a proof."""
    for more in (GARBAGE, NOTHING, b"", *roots):
        yield [*proof, more]
        yield [more, *proof]
        if proof:
            yield [*proof[:1], more, *proof[1:]]
    for place, step in enumerate(proof):
        for bit in (0, 4, 255):
            yield [*proof[:place], flipped(step, bit), *proof[place + 1 :]]
        yield [*proof[:place], *proof[place + 1 :]]
        yield [*proof[:place], step[:-1], *proof[place + 1 :]]
        yield [*proof[:place], step, step, *proof[place + 1 :]]
    if len(proof) > 1:
        yield proof[::-1]


def flipped(value, bit):
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(value))


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_is_proved_as_the_rfc_defines_it_and_nothing_else_is(size):
    leaves = LEAVES[:size]
    root = tree_hash(leaves)
    assert log.root(leaves) == root
    for index, leaf in enumerate(leaves):
        proof = path(index, leaves)
        assert log.inclusion_proof(leaves, index) == proof
        assert log.verify_inclusion(leaf, index, size, proof, root)
        for spoilt in spoilt_paths(proof, root, leaf):
            assert not log.verify_inclusion(leaf, index, size, spoilt, root)
        for other in {*range(-1, size + 2), index ^ 2, index + size, index + 2**64} - {index}:
            assert not log.verify_inclusion(leaf, other, size, proof, root)
        for sizes in (0, -1, size * 2, size // 2 if index >= size // 2 else 0):
            assert not log.verify_inclusion(leaf, index, sizes, proof, root)
        for stranger in (GARBAGE, NOTHING, b"", LEAVES[size], leaf[:-1]):
            assert not log.verify_inclusion(stranger, index, size, proof, root)
            assert not log.verify_inclusion(leaf, index, size, proof, stranger)


@pytest.mark.parametrize("size", SIZES)
def test_every_beginning_is_proved_as_the_rfc_defines_it_and_nothing_else_is(size):
    leaves = LEAVES[:size]
    new = tree_hash(leaves)
    for old_size in range(1, size + 1):
        old, proof = tree_hash(leaves[:old_size]), subproof(old_size, leaves, True)
        assert log.consistency_proof(leaves, old_size) == proof
        assert log.verify_consistency(old_size, size, proof, old, new)
        for spoilt in spoilt_paths(proof, old, new):
            assert not log.verify_consistency(old_size, size, spoilt, old, new)
        for other in set(range(-1, size + 2)) - {old_size}:
            assert not log.verify_consistency(other, size, proof, tree_hash(leaves[: max(other, 0)]), new) or (
                subproof(other, leaves, True) == proof
            )
        for stranger in (GARBAGE, NOTHING, b"", old[:-1]):
            assert not log.verify_consistency(old_size, size, proof, stranger, new)
            assert not log.verify_consistency(old_size, size, proof, old, stranger)
        if old != new:
            assert not log.verify_consistency(old_size, size, proof, new, old)
            assert not log.verify_consistency(size, old_size, proof, new, old)


def test_nothing_is_in_the_empty_tree_and_nothing_is_proved_from_it():
    assert log.root([]) == NOTHING
    assert not log.verify_inclusion(LEAVES[0], 0, 0, [], NOTHING)
    for new_size, new, proof in [(0, NOTHING, []), (1, LEAVES[0], []), (1, LEAVES[0], [LEAVES[0]])]:
        assert not log.verify_consistency(0, new_size, proof, NOTHING, new)
    for wrong in (0, 3):
        with pytest.raises(IndexError):
            log.consistency_proof(LEAVES[:2], wrong)
    with pytest.raises(IndexError):
        log.inclusion_proof([], 0)


def test_a_proof_that_ends_below_the_top_of_its_tree_is_refused():
    root = node(*LEAVES[:2])
    for size in (3, 4, 2**40):
        assert not log.verify_inclusion(LEAVES[0], 0, size, [LEAVES[1]], root)
        assert not log.verify_consistency(1, size, [LEAVES[1]], LEAVES[0], root)


def test_two_children_of_other_lengths_are_not_the_same_node():
    left, right = LEAVES[:2]
    both, root = left + right, node(left, right)
    assert log.verify_inclusion(left, 0, 2, [right], root)
    assert not log.verify_inclusion(both[:31], 0, 2, [both[31:]], root)
    assert log.verify_consistency(1, 2, [right], left, root)
    assert not log.verify_consistency(1, 2, [both[31:]], both[:31], root)
    assert not log.verify_inclusion(b"", 0, 1, [], b"")


# --- notes and checkpoints (C2SP signed-note, tlog-checkpoint) --------------------------------------------------------

# From the documentation of Go's golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

NAME = "log.example/home"
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in range(1, 5)]
PUBLIC = [key.public_key().public_bytes_raw() for key in KEYS]
TEXT = f"{NAME}\n7\n{base64.b64encode(LEAVES[0]).decode()}\n"


def line(text=TEXT, name=NAME, by=0):
    return NoteSignature(name, log.note_key_hash(name, PUBLIC[by]), KEYS[by].sign(text.encode())).line() + "\n"


def note(text=TEXT, *lines):
    return text + "\n" + "".join(lines or [line(text)])


def test_a_published_verifier_key_is_read_and_written():
    name, public = log.read_vkey(PETER)
    assert name == "PeterNeumann"
    assert log.note_key_hash(name, public).hex() == "c74f20a3"
    assert log.vkey(name, public) == PETER


def test_no_part_and_no_neighbour_of_a_verifier_key_is_one():
    parts = {PETER[i:j] for i in range(len(PETER)) for j in range(i, len(PETER) + 1)} - {PETER}
    neighbours = {PETER[:i] + chr(ord(PETER[i]) + 1) + PETER[i + 1 :] for i in range(len(PETER))}
    name, _, key = PETER.split("+", 2)
    public = base64.b64decode(key)[1:]
    spelt = {
        PETER.replace("c74f20a3", "C74F20A3"),
        f" {PETER}",
        f"{PETER}\n",
        f"{PETER}=",
        PETER.replace("P", "\ud800"),
    }
    for kind in (b"", b"\x02", b"\x04"):
        digest = hashlib.sha256(name.encode() + b"\n" + kind + public).hexdigest()[:8]
        spelt.add(f"{name}+{digest}+{base64.b64encode(kind + public).decode()}")
    for wrong in parts | neighbours | spelt:
        with pytest.raises(InputError, match=r"key\.unreadable"):
            log.read_vkey(wrong)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\u2028b", "a\nb", "a\x01b"])
def test_a_name_that_no_note_can_carry_makes_no_key_and_no_note(name):
    with pytest.raises(InputError, match=r"key\.unreadable"):
        log.vkey(name, PUBLIC[0])
    with pytest.raises(StateError, match=r"log\.receipt"):
        Checkpoint(name, 7, LEAVES[0], b"abcd", bytes(64)).note()


def test_a_checkpoint_is_read_and_its_key_told_from_others():
    point = Checkpoint.from_note(note())
    assert (point.origin, point.size, point.root, point.extensions, point.others) == (NAME, 7, LEAVES[0], (), ())
    assert point.note() == note()
    assert Checkpoint.from_note(note().encode()) == point
    assert point.signed_by(PUBLIC[0], verify_raw)
    assert not point.signed_by(PUBLIC[1], verify_raw)
    assert not point.signed_by(PUBLIC[0], verify_raw, "log.example/other")


def test_extension_lines_are_part_of_what_is_signed():
    text = TEXT + "extension one\n— not a signature\n"
    point = Checkpoint.from_note(note(text))
    assert point.extensions == ("extension one", "— not a signature")
    assert point.body() == text.encode()
    assert point.note() == note(text)
    assert point.signed_by(PUBLIC[0], verify_raw)
    for changed in (text.replace("one", "two"), TEXT, text + "more\n"):
        assert not Checkpoint.from_note(note(changed, line(text))).signed_by(PUBLIC[0], verify_raw)


def witness_line(text=TEXT):
    """A cosignature: another key, another type, 8 bytes of time before the signature."""
    return (
        NoteSignature("witness.example/w1", b"\x8d\x66\xcf\x3c", bytes(8) + KEYS[1].sign(text.encode())).line() + "\n"
    )


@pytest.mark.parametrize(
    "lines",
    [
        [line(), witness_line()],
        [witness_line(), line()],
        [line(by=1), line()],  # the log's next key, under the same name
        [line(), line(name="mirror.example", by=0)],
        [line(), line()],
        [*[line(name=f"w{number}", by=1) for number in range(15)], line()],
        [*[line(name=f"w{number}", by=1) for number in range(99)], line()],
        [line(), NoteSignature(NAME, b"\0\0\0\0", b"x").line() + "\n"],
    ],
)
def test_signatures_of_others_are_passed_over(lines):
    point = Checkpoint.from_note(note(TEXT, *lines))
    assert point.signed_by(PUBLIC[0], verify_raw)
    assert not point.signed_by(PUBLIC[2], verify_raw)
    assert sorted(point.note().splitlines()) == sorted(note(TEXT, *lines).splitlines())


@pytest.mark.parametrize(
    "lines",
    [
        [line(by=1)],
        [line(name="log.example/other")],
        [witness_line()],
        [line("another text\n")],
        [line(), line("another text\n")],  # of our own key not a single line may fail
        [NoteSignature(NAME, log.note_key_hash(NAME, PUBLIC[0]), KEYS[0].sign(TEXT.encode()) + b"\0").line() + "\n"],
        [NoteSignature(NAME, log.note_key_hash(NAME, PUBLIC[0]), KEYS[1].sign(TEXT.encode())).line() + "\n"],
    ],
)
def test_without_the_logs_own_signature_a_checkpoint_counts_for_nothing(lines):
    assert not Checkpoint.from_note(note(TEXT, *lines)).signed_by(PUBLIC[0], verify_raw)


def test_a_note_may_have_blank_lines_but_a_checkpoint_may_not():
    text = "a line\n\nand another:\n"
    assert Note.parse(note(text, line(text))).signed_by(NAME, PUBLIC[0], verify_raw)
    assert str(Note.parse(note(text))) == note(text)
    for blank in (TEXT + "\n", TEXT + "\nmore\n", "\n" + TEXT, text):
        with pytest.raises(StateError, match=r"log\.receipt"):
            Checkpoint.from_note(note(blank))


ROOT = base64.b64encode(LEAVES[0]).decode()
SIGNED = line().removesuffix("\n").split(" ")[2]


@pytest.mark.parametrize(
    "wrong",
    [
        *(note(f"{NAME}\n{size}\n{ROOT}\n") for size in ("07", "+7", "-7", " 7", "7 ", "7.0", "0x7", "7_0", "７", "٧")),
        *(note(f"{NAME}\n{size}\n{ROOT}\n") for size in ("", "7e0", "00", "-0", str(2**63), "9" * 5000)),
        *(note(TEXT.replace(ROOT, text)) for text in ("", ROOT[:-1], f"{ROOT}=", f"{ROOT[:-2]}B=", f" {ROOT}", "AAAA")),
        note(TEXT.replace(ROOT, base64.urlsafe_b64encode(b"\xff" * 32).decode())),
        note(TEXT.replace(ROOT, base64.b64encode(bytes(33)).decode())),
        note(TEXT.replace(NAME, "")),
        note(f"{NAME}\n7\n"),
        note(TEXT[:-1]),
        TEXT,
        TEXT + "\n",
        TEXT + line(),
        note() + "\n",
        note() + "unexpected\n",
        note()[:-1],
        note(TEXT, line(), line())[:-1],
        note(TEXT, line() + "\n" + line()),
        note(TEXT, *[line()] * 101),
        *(note(TEXT, line().replace("— ", dash)) for dash in ("—", "- ", "– ", "—  ", "—\u00a0", " — ", "")),
        *(note(TEXT, f"— {name} {SIGNED}\n") for name in ("", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\u0085b")),
        *(
            note(TEXT, f"— {NAME} {seal}\n")
            for seal in ("", "AAAA", "AAAAAA==", SIGNED[:-1], f"{SIGNED} ", f"{SIGNED}=")
        ),
        note(TEXT, f"— {NAME} AAAAAAB=\n"),  # spare bits that no encoder writes
        note(TEXT, f"— {NAME} {SIGNED} more\n"),
        *(note(TEXT + f"an{control}extension\n") for control in "\0\t\r\x0b\x1b\x1f"),
        note().replace("\n", "\r\n"),
        note().replace(NAME, "\ud800"),
        note().encode() + b"\xff",
        note().encode().replace(b"home", b"h\xffme"),
        note().encode("utf-16"),
        note(TEXT + "x" * 1_000_000 + "\n"),
    ],
)
def test_what_the_specification_refuses_is_refused(wrong):
    with pytest.raises(StateError, match=r"log\.receipt"):
        Checkpoint.from_note(wrong)


def test_the_empty_log_and_the_largest_have_checkpoints():
    for size in (0, 2**63 - 1):
        point = Checkpoint(NAME, size, NOTHING, b"abcd", bytes(64))
        assert Checkpoint.from_note(point.note()) == point
