"""Thousands of seeded changes to proofs, checkpoints, receipts and bundles: none is taken for the genuine one, and none
gets anything out of the verifiers but their own refusal."""

import base64
import copy
import json
import random
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from twinbook.domain import log
from twinbook.domain.errors import StateError
from twinbook.domain.log import Checkpoint, NoteSignature
from twinbook.domain.party import Party, Role
from twinbook.keys.signatures import verify_raw
from twinbook.services import transparency

TRIES = {
    "inclusion": 5000,
    "consistency": 5000,
    "checkpoint": 5000,
    "receipt": 5000,
    "bundle": 2500,
    "continuation": 2500,
}
CHECKED_AT = (3, 8, 13, 21)  # leaves in the log at each checkpoint
DEEP = "[" * 100_000
CONFUSED = [None, True, False, 0, -1, 1, 2.0, 10**30, "", "0", "null", [], [[]], [None], [1], {}, {"0": "0"}, DEEP]
BRIEFLY = [
    "",
    "0",
    " ",
    "\n",
    "\n\n",
    "\r",
    "\t",
    "\0",
    "+",
    "-",
    "=",
    "—",
    "— ",
    "\u00a0",
    "\u2028",
    "\ud800",
    "é",
    "A",
]
WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)


def test_it_is_ten_thousand_and_more():
    assert sum(TRIES.values()) >= 10_000


class World:
    """A log with leaves about two talents, every checkpoint that was signed of it, and all that is genuine."""

    def __init__(self, office):
        self.office, self.public = office, office.log_signer.public
        self.points, self.bundles, self.receipts, self.leaves = [], [], [], []
        with office.unit() as unit:
            for talent in ("mira", "eve"):
                unit.parties.put(Party(talent, Role.TALENT, talent.title()))
        for number in range(CHECKED_AT[-1]):
            released = {"release": f"{number:012x}", "fee": "450 EUR"}
            act, facts = ("image:released", released) if number % 3 else ("permit:made", {"shot": f"{number:x}"})
            with office.unit() as unit:
                office.record(unit, act, facts, (("mira", "eve")[number % 2],))
            if number + 1 in CHECKED_AT:
                self.points.append(transparency.checkpoint(office))
                self.bundles += [transparency.bundle(office, talent) for talent in ("mira", "eve")]
        with office.unit() as unit:
            self.leaves = [body.decode() for body in unit.log.bodies()]
        self.hashes = [log.leaf_hash(leaf.encode()) for leaf in self.leaves]
        for point in self.points:
            for index in range(point.size):
                path = [step.hex() for step in log.inclusion_proof(self.hashes[: point.size], index)]
                receipt = {"leaf": self.leaves[index], "index": index, "proof": path, "checkpoint": point.note()}
                self.receipts.append(receipt)
        # Signed by the same key, of logs that aren't this one: an unrelated root, and another tenant of the home.
        self.strangers = [
            self.signed(replace(self.points[-1], root=log.leaf_hash(b"another log"))),
            self.signed(replace(self.points[-1], origin="twinbook.local/another")),
        ]

    def signed(self, point):
        key_hash = log.note_key_hash(point.origin, self.public)
        return replace(point, key_hash=key_hash, signature=self.office.log_signer.sign(point.body()))


@pytest.fixture
def world(office):
    return World(office)


def attack(seed, tries, genuine, spoil, accepts, known):
    """Spoil things that are genuine until enough of them differ from everything ``known``; none of those may pass."""
    assert all(accepts(copy.deepcopy(one)) for one in genuine)
    rng = random.Random(f"RFC 9162 {seed}")
    tried = 0
    while tried < tries:
        spoilt = spoil(rng, copy.deepcopy(rng.choice(genuine)))
        same = known(spoilt)
        try:
            passed = accepts(spoilt)
        except StateError as error:
            assert error.code in ("log.receipt", "log.inconsistent")
            passed = False
        assert same or not passed, f"try {tried} was taken for genuine: {spoilt!r}"
        tried += not same
    assert tried == tries == TRIES[seed]


def identity(thing):
    """What makes two JSON documents the same one: values and types."""
    return json.dumps(thing, sort_keys=True)


# --- the ways of spoiling ---------------------------------------------------------------------------------------------


def flip(rng, data):
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def spoil_list(rng, items, others):
    """Left out, doubled, reordered, cut, taken from elsewhere."""
    items = list(items)
    place = rng.randrange(len(items)) if items else 0
    match rng.randrange(8):
        case 0 if items:
            del items[place]
        case 1 if items:
            items.insert(rng.randrange(len(items) + 1), items[place])
        case 2 if len(items) > 1:
            one, two = rng.sample(range(len(items)), 2)
            items[one], items[two] = items[two], items[one]
        case 3:
            items.reverse()
        case 4:
            items = items[:place]
        case 5:
            items.insert(place, rng.choice(others))
        case 6 if items:
            items[place] = rng.choice(others)
        case _:
            items = items[place:] + items[:place]
    return items


def spoil_text(rng, text):
    """A place in it changed by hand; sometimes in a way that only a lax reader takes for the same."""
    place = rng.randrange(len(text) + 1)
    end = min(len(text), place + rng.randrange(1, 9))
    match rng.randrange(10):
        case 0:
            return text[:place] + text[end:]
        case 1:
            return text[:place] + text[place:end] + text[place:]
        case 2:
            return text[:place] + rng.choice(BRIEFLY) + text[place:]
        case 3:
            return text[:place] + rng.choice(BRIEFLY) + text[end:]
        case 4:
            return text[:place]
        case 5:
            return text.swapcase() if rng.random() < 0.5 else text.upper()
        case 6:
            return text + rng.choice(BRIEFLY)
        case 7:
            return rng.choice(BRIEFLY) + text
        case 8:
            return text.replace(rng.choice(text or "x"), rng.choice(BRIEFLY), 1)
        case _:
            return flip(rng, text.encode() or b"0").decode("utf-8", "replace")


def spoil_checkpoint(rng, note, notes):
    """Lines, sizes, roots and signatures of a note, changed or taken from another."""
    lines, others = note.split("\n"), rng.choice(notes).split("\n")
    place = rng.randrange(len(lines))
    match rng.randrange(9):
        case 0:
            return "\n".join(spoil_list(rng, lines, others))
        case 1:  # a line of another checkpoint: its size, its root or its signature
            lines[place] = others[min(place, len(others) - 1)]
        case 2:
            size = int(lines[1])
            more = rng.choice([1, -1, 2**64, -2 * size])
            lines[1] = rng.choice([str(size + more), f"0{size}", f"+{size}", f" {size}", f"{size}.0", f"{size}_0"])
        case 3:
            lines[2] = base64.b64encode(flip(rng, base64.b64decode(lines[2]))).decode()
        case 4:
            lines[2] = rng.choice(
                [lines[2].rstrip("="), lines[2] + "=", lines[2].replace("/", "_"), lines[2][:-2] + "/="]
            )
        case 5:
            lines.insert(3, rng.choice(["an extension", "", "— x AAAAAAA="]))
        case 6:
            dash, name, sealed = lines[-2].split(" ")
            lines[-2] = f"{dash} {name} {base64.b64encode(flip(rng, base64.b64decode(sealed))).decode()}"
        case 7:
            return note[: note.index("\n\n") + 2] + "".join(
                f"{line}\n" for line in spoil_list(rng, lines[-2:-1], others)
            )
        case _:
            return spoil_text(rng, note)
    return "\n".join(lines)


def spoil_document(rng, document, of):
    """One member of a JSON document, changed, of another type, missing, or another document's; or no document."""
    name = rng.choice(list(document))
    value = document[name]
    match rng.randrange(6):
        case 0:
            document[name] = rng.choice(CONFUSED)
        case 1:
            del document[name]
        case 2:
            document[name] = rng.choice(of)[name]
        case 3 if rng.random() < 0.1:
            return rng.choice([*CONFUSED, list(document), [document], identity(document)])
        case _ if isinstance(value, int):
            document[name] = rng.choice(
                [value + 1, value - 1, -value - 1, value ^ 2, value + 2**32, float(value), str(value)]
            )
        case _ if isinstance(value, list):
            others = [step for other in of for step in other[name]] or ["00" * 32]
            if value and rng.random() < 0.4:
                place = rng.randrange(len(value))
                value[place] = rng.choice([spoil_text(rng, value[place]), *CONFUSED])
            else:
                document[name] = spoil_list(rng, value, others)
        case _ if name == "checkpoint":
            document[name] = spoil_checkpoint(rng, value, [other[name] for other in of])
        case _:
            document[name] = spoil_text(rng, value)
    return document


# --- what is attacked -------------------------------------------------------------------------------------------------


def spoil_nodes(rng, proof, others):
    if proof and rng.random() < 0.4:
        place = rng.randrange(len(proof))
        node = proof[place]
        part = rng.randrange(len(node))
        proof[place] = rng.choice([flip(rng, node), node[:part], node + b"\0", node[part:] + node[:part]])
        return proof
    return spoil_list(rng, proof, others)


def test_no_changed_inclusion_proof_is_taken(world):
    # Whoever verifies has size and root from one signed checkpoint; all else comes from the one who wants to convince.
    trees = [(point.size, point.root) for point in world.points]
    genuine = [
        (world.hashes[index], index, size, log.inclusion_proof(world.hashes[:size], index), root)
        for size, root in trees
        for index in range(size)
    ]
    nodes = [node for *_, proof, root in genuine for node in (*proof, root)] + world.hashes

    def spoil(rng, given):
        leaf, index, size, proof, root = given
        match rng.randrange(6):
            case 0:
                leaf = rng.choice(
                    [flip(rng, leaf), rng.choice(nodes), b"", leaf[:31], leaf + proof[0] if proof else b""]
                )
            case 1:
                index = rng.choice([index + 1, index - 1, index ^ 2, -index, index + size, index + 2**64])
            case 2:
                size, root = rng.choice(trees)
            case 3:
                root = rng.choice([flip(rng, root), rng.choice(nodes), leaf, b""])
            case 4:
                proof = rng.choice(genuine)[3]
            case _:
                proof = spoil_nodes(rng, proof, nodes)
        return leaf, index, size, proof, root

    def accepts(given):
        return log.verify_inclusion(*given)

    attack("inclusion", TRIES["inclusion"], genuine, spoil, accepts, genuine.__contains__)


def test_no_changed_consistency_proof_is_taken(world):
    roots = [log.root(world.hashes[:size]) for size in range(len(world.hashes) + 1)]
    genuine = [
        (old, new, log.consistency_proof(world.hashes[:new], old), roots[old], roots[new])
        for new in range(1, len(roots))
        for old in range(1, new + 1)
    ]
    nodes = [node for _, _, proof, *_ in genuine for node in proof] + roots

    def spoil(rng, given):
        old, new, proof, old_root, new_root = given
        match rng.randrange(6):
            case 0:
                old = rng.randrange(len(roots))
                old_root = roots[old]
            case 1:
                new = rng.randrange(len(roots))
                new_root = roots[new]
            case 2:
                return new, old, proof, new_root, old_root
            case 3:
                old_root, new_root = rng.choice(
                    [
                        (new_root, old_root),
                        (flip(rng, old_root), new_root),
                        (old_root, flip(rng, new_root)),
                        (old_root, b""),
                    ]
                )
            case 4:
                proof = rng.choice(genuine)[2]
            case _:
                proof = spoil_nodes(rng, proof, nodes)
        return old, new, proof, old_root, new_root

    def accepts(given):
        return log.verify_consistency(*given)

    attack("consistency", TRIES["consistency"], genuine, spoil, accepts, genuine.__contains__)


def test_no_changed_checkpoint_is_taken(world):
    # Some have a line that the log added and a witness's signature: what others sign may change, what the log signed not.
    extended = [world.signed(replace(point, extensions=("an extension", "another"))) for point in world.points]
    for point in list(extended):
        seal = NoteSignature("witness.example/w1", b"w1w1", WITNESS.sign(point.body()))
        extended.append(replace(point, others=(seal,)))
    genuine = [point.note() for point in (*world.points, *extended)]
    ours = {(point.body(), point.key_hash, point.signature) for point in (*world.points, *extended)}

    def spoil(rng, note):
        if rng.random() < 0.3:
            return flip(rng, note.encode())
        return spoil_checkpoint(rng, note, genuine)

    def accepts(note):
        point = Checkpoint.from_note(note)
        return point.origin == world.points[0].origin and point.signed_by(world.public, verify_raw)

    def known(note):
        if note in genuine or (isinstance(note, bytes) and note in [known.encode() for known in genuine]):
            return True
        try:
            point = Checkpoint.from_note(note)
        except StateError:
            return False
        lines = [NoteSignature(point.origin, point.key_hash, point.signature), *point.others]
        return any((point.body(), line.key_hash, line.signature) in ours for line in lines if line.name == point.origin)

    attack("checkpoint", TRIES["checkpoint"], genuine, spoil, accepts, known)


def test_no_changed_receipt_is_taken(world):
    strange = [{**world.receipts[-1], "checkpoint": point.note()} for point in world.strangers]
    genuine = {identity(receipt) for receipt in world.receipts}

    def spoil(rng, receipt):
        return spoil_document(rng, receipt, world.receipts + strange)

    def accepts(receipt):
        entry = transparency.verify_receipt(receipt, world.public, verify_raw, world.points[0].origin)
        assert entry == json.loads(receipt["leaf"])
        return True

    attack("receipt", TRIES["receipt"], world.receipts, spoil, accepts, said_so(genuine))


def test_no_changed_bundle_is_taken(world):
    strange = [{**world.bundles[-1], "checkpoint": point.note()} for point in world.strangers]
    genuine = {identity(bundle) for bundle in world.bundles}
    # A bundle doesn't say whose it is: with another talent's secret it is that talent's bundle.
    genuine |= {identity({**one, "secret": two["secret"]}) for one in world.bundles for two in world.bundles}

    def spoil(rng, bundle):
        return spoil_document(rng, bundle, world.bundles + strange)

    def accepts(bundle):
        transparency.releases_in(bundle, world.public, verify_raw, world.points[0].origin)
        return True

    attack("bundle", TRIES["bundle"], world.bundles, spoil, accepts, said_so(genuine))


def test_no_changed_proof_of_continuation_is_taken(world):
    def proof(old, new):
        path = log.consistency_proof(world.hashes[: new.size], old.size)
        return {"kept": old.note(), "checkpoint": new.note(), "proof": [step.hex() for step in path]}

    whole = [proof(old, new) for old in world.points for new in world.points if old.size <= new.size]
    assert transparency.consistency(world.office, world.points[0], verify_raw) == {
        name: value for name, value in proof(world.points[0], world.points[-1]).items() if name != "kept"
    }
    genuine = {identity(one) for one in whole}
    strange = [{**whole[-1], "checkpoint": point.note()} for point in world.strangers]
    strange += [{**whole[-1], "kept": point.note()} for point in world.strangers]

    def spoil(rng, given):
        spoilt = spoil_document(rng, given, whole + strange)
        # What was kept lies with the one who verifies, apart from what is to be verified.
        return spoilt if isinstance(spoilt, dict) and "kept" in spoilt else {**rng.choice(whole), "proof": spoilt}

    def accepts(given):
        data = {name: value for name, value in given.items() if name != "kept"}
        transparency.verify_consistency_bundle(data, given["kept"], world.public, verify_raw, world.points[0].origin)
        return True

    attack("continuation", TRIES["continuation"], whole, spoil, accepts, said_so(genuine))


def said_so(genuine):
    """Whether a document says what a genuine one says. Of a note, that is what the log itself signed: further lines by
    keys that nobody here knows are to be passed over (C2SP signed-note)."""

    def known(document):
        if identity(document) in genuine:
            return True
        if not isinstance(document, dict):
            return False
        plain = dict(document)
        for name in {"checkpoint", "kept"} & set(plain):
            try:
                plain[name] = replace(Checkpoint.from_note(plain[name]), others=()).note()
            except (StateError, AttributeError, TypeError):
                return False
        return identity(plain) in genuine

    return known


# --- attacks that chance would not find -------------------------------------------------------------------------------


def test_a_false_secret_does_not_make_a_bundle_without_releases(world):
    for secret in ("00" * 32, "", world.bundles[0]["secret"][:-2], world.bundles[0]["secret"].upper()):
        with pytest.raises(StateError, match=r"log\.receipt"):
            transparency.releases_in({**world.bundles[-1], "secret": secret}, world.public, verify_raw)


def test_a_bundle_that_only_looks_like_a_list_of_leaves_is_refused(world):
    bundle, (*_, point) = world.bundles[-1], world.points
    assert transparency.releases_in(bundle, world.public, verify_raw)
    keyed = {**bundle, "leaves": dict.fromkeys(bundle["leaves"])}
    with pytest.raises(StateError, match=r"log\.receipt"):
        transparency.releases_in(keyed, world.public, verify_raw)
    miscounted = world.signed(replace(point, size=point.size + 1)).note()
    with pytest.raises(StateError, match=r"log\.inconsistent"):
        transparency.releases_in({**bundle, "checkpoint": miscounted}, world.public, verify_raw)


@pytest.mark.parametrize(
    "leaf",
    [
        DEEP,
        "[]",
        '"text"',
        "{}",
        '{"act":"image:released","at":"x","facts":{},"nonce":"00","who":[]}',
        '{"act":"image:released","at":"x","facts":[],"nonce":"00","who":[]}',
        '{"act":"image:released","at":"x","facts":{"release":"a"},"nonce":"no hex","who":[]}',
        '{"act":"image:released","at":"x","facts":{"release":1},"nonce":"00","who":[]}',
        '{"act":"x","at":"x","facts":{},"nonce":"00","who":[[]]}',
        '{"act":"image:rendered","act":"image:released","at":"x","facts":{"release":"a"},"nonce":"00","who":[]}',
        '{"act":"x", "at":"x","facts":{},"nonce":"00","who":[]}',
        "\ud800",
    ],
    ids=range(12),
)
def test_a_leaf_that_a_log_would_not_write_is_refused_though_it_is_signed(world, leaf):
    hashed = log.leaf_hash(leaf.encode(errors="replace"))
    point = world.signed(replace(world.points[0], size=1, root=hashed))
    receipt = {"leaf": leaf, "index": 0, "proof": [], "checkpoint": point.note()}
    with pytest.raises(StateError, match=r"log\.receipt"):
        transparency.verify_receipt(receipt, world.public, verify_raw)
    with pytest.raises(StateError, match=r"log\.receipt"):
        transparency.releases_in(
            {**world.bundles[0], "leaves": [leaf], "checkpoint": point.note()}, world.public, verify_raw
        )


def test_a_receipt_of_another_log_under_the_same_key_is_refused(world):
    other = world.signed(replace(world.points[-1], origin="twinbook.local/another"))
    receipt = {**world.receipts[-1], "checkpoint": other.note()}
    assert transparency.verify_receipt(receipt, world.public, verify_raw)
    with pytest.raises(StateError, match=r"log\.receipt"):
        transparency.verify_receipt(receipt, world.public, verify_raw, world.points[0].origin)
    proof = {"checkpoint": other.note(), "proof": []}
    with pytest.raises(StateError, match=r"log\.receipt"):
        transparency.verify_consistency_bundle(proof, world.points[-1].note(), world.public, verify_raw)


def test_a_log_that_was_rewritten_or_cut_cannot_prove_that_it_goes_on(world):
    office, public = world.office, world.public
    rewritten = world.signed(replace(world.points[1], root=log.leaf_hash(b"what was signed before")))
    longer = world.signed(replace(world.points[1], size=10_000))
    unsigned = replace(world.points[1], root=log.leaf_hash(b"made up"))
    for old, code in ((rewritten, r"log\.inconsistent"), (longer, r"log\.inconsistent"), (unsigned, r"log\.receipt")):
        with pytest.raises(StateError, match=code):
            transparency.consistency(office, old, verify_raw)
        bundle = transparency.consistency(office, world.points[1], verify_raw)
        with pytest.raises(StateError, match=code):
            transparency.verify_consistency_bundle(bundle, old.note(), public, verify_raw)
    older = {"checkpoint": world.points[0].note(), "proof": []}
    with pytest.raises(StateError, match=r"log\.inconsistent"):
        transparency.verify_consistency_bundle(older, world.points[1].note(), public, verify_raw)


def test_a_log_proves_that_it_goes_on_from_every_checkpoint_and_from_nothing(world):
    empty = world.signed(Checkpoint(world.points[0].origin, 0, log.root([])))
    for old in (empty, *world.points):
        bundle = json.loads(json.dumps(transparency.consistency(world.office, old, verify_raw)))
        new = transparency.verify_consistency_bundle(bundle, old.note().encode(), world.public, verify_raw)
        assert new == world.points[-1]
    false_start = world.signed(replace(empty, root=log.leaf_hash(b"")))
    with pytest.raises(StateError, match=r"log\.inconsistent"):
        transparency.consistency(world.office, false_start, verify_raw)
    with pytest.raises(StateError, match=r"log\.inconsistent"):
        transparency.verify_consistency_bundle(bundle, false_start.note(), world.public, verify_raw)
