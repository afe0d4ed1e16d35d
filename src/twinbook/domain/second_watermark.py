"""What a network's watermark carries: a word of as many bits as it has room for, looked up among the ids that were issued.

A network gives some bits wrong, and most have room for fewer than an id and its check would take. So the word is drawn from the
id, and a found one is compared with those of every id there is: the more were issued, the more bits must agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from math import comb

from .provenance import ReleaseId, Word

ALGORITHM = "org.twinbook.second-watermark.1"
# That a picture without the mark leads to any release at all. It is a hint: the picture is laid over that release's copies.
CHANCE = 1e-4


def word_of(release: ReleaseId, count: int) -> Word:
    """The first ``count`` bits of SHAKE-256 over the algorithm's name, a zero byte and the id's six bytes."""
    said = ALGORITHM.encode() + b"\0" + bytes.fromhex(release.hex)
    drawn = hashlib.shake_256(said).digest(-(-count // 8))
    return Word(int.from_bytes(drawn, "big") >> (-count % 8), count)


def least_agreeing(count: int, issued: int, chance: float = CHANCE) -> int | None:
    """How many of ``count`` bits must agree so that fair coins lead to one of ``issued`` ids with this chance at most; None
    when not even all of them are enough."""
    tail, most = 0, chance * 2**count / max(issued, 1)
    for agreeing in range(count, -1, -1):
        tail += comb(count, agreeing)
        if tail > most:
            return agreeing + 1 if agreeing < count else None
    return 0


def likeliest(found: Word, issued: Iterable[ReleaseId]) -> ReleaseId | None:
    """The issued id whose word a found one is; None when chance could do as much."""
    ids = list(issued)
    least = least_agreeing(found.count, len(ids))
    best = max(ids, key=lambda each: found.agreeing(word_of(each, found.count)), default=None)
    if best is None or least is None or found.agreeing(word_of(best, found.count)) < least:
        return None
    return best
