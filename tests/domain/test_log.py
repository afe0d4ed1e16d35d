import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinbook import testing
from twinbook.domain import log
from twinbook.domain.errors import StateError
from twinbook.domain.log import Checkpoint, Entry

LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=40).map(lambda bodies: [log.leaf_hash(b) for b in bodies])

# The eight leaves and their roots that certificate-transparency implementations test with (RFC 6962 tree hashing).
KNOWN_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
KNOWN_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", KNOWN_ROOTS)
def test_known_roots(size):
    leaves = [log.leaf_hash(bytes.fromhex(leaf)) for leaf in KNOWN_LEAVES[:size]]
    assert log.root(leaves).hex() == KNOWN_ROOTS[size]


def test_the_empty_tree():
    assert log.root([]) == hashlib.sha256(b"").digest()


@given(LEAVES, st.data())
def test_every_leaf_proves_its_place_and_no_other(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, tree = log.inclusion_proof(leaves, index), log.root(leaves)
    assert log.verify_inclusion(leaves[index], index, len(leaves), proof, tree)
    stranger = log.leaf_hash(b"a leaf that is in no tree")
    assert not log.verify_inclusion(stranger, index, len(leaves), proof, tree)
    assert not log.verify_inclusion(leaves[index], index, len(leaves), [*proof, tree], tree)
    if proof:
        assert not log.verify_inclusion(leaves[index], index, len(leaves), proof[:-1], tree)


@given(LEAVES, st.data())
def test_a_log_that_grew_proves_that_it_is_the_old_one(leaves, data):
    old = data.draw(st.integers(1, len(leaves)))
    proof = log.consistency_proof(leaves, old)
    before, after = log.root(leaves[:old]), log.root(leaves)
    assert log.verify_consistency(old, len(leaves), proof, before, after)
    rewritten = [*leaves[: old - 1], log.leaf_hash(b"rewritten history")]
    assert not log.verify_consistency(old, len(leaves), proof, log.root(rewritten), after)


def test_only_her_secret_finds_her_leaves():
    nonce = "00" * 16
    entry = Entry(testing.NOON, "image:released", {"release": "0" * 12}, nonce, (log.mark(b"hers", nonce),))
    assert log.mark(b"hers", nonce) in entry.who
    assert log.mark(b"somebody else's", nonce) not in entry.who
    assert b"mira" not in entry.body()


@pytest.mark.parametrize("note", ["", "a\n1\nAA==\n\n— a AA==\n", "a\n01\n\n\n— b x\n", "x" * 99])
def test_what_is_no_checkpoint_is_refused(note):
    with pytest.raises(StateError, match=r"log\.receipt"):
        Checkpoint.from_note(note)


def test_a_checkpoint_reads_back():
    point = Checkpoint("twinbook.local/home", 7, bytes(32), b"abcd", bytes(64))
    assert Checkpoint.from_note(point.note()) == point
