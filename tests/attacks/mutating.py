"""Files as somebody might break them on purpose: a seeded mutator that knows a little of each format."""

import random

_INTERESTING = (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80\0\0\0")


def mutated(data: bytes, seed: int, others: list[bytes]) -> bytes:
    """``data`` changed in one to six places, never into itself. The same seed makes the same file."""
    dice = random.Random(seed)
    file = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        _ONE[dice.randrange(len(_ONE))](file, dice, others)
    if bytes(file) == data:
        file.append(dice.randrange(256))
    return bytes(file)


def _place(file: bytearray, dice: random.Random) -> int:
    # Headers, metadata and manifest lie at the beginning of most files, where a byte decides more than in a scan.
    if not file:
        return 0
    reach = min(len(file), dice.choice((64, 1024, 8192, len(file))))
    return dice.randrange(reach) if dice.random() < 0.8 else len(file) - 1 - dice.randrange(reach)


def _flip(file, dice, others):
    if file:
        file[_place(file, dice)] ^= 1 << dice.randrange(8)


def _write(file, dice, others):
    at, word = _place(file, dice), dice.choice(_INTERESTING)
    file[at : at + len(word)] = word


def _noise(file, dice, others):
    at = _place(file, dice)
    file[at : at + dice.randrange(1, 64)] = dice.randbytes(dice.randrange(1, 64))


def _cut(file, dice, others):
    del file[_place(file, dice) :]


def _drop(file, dice, others):
    at = _place(file, dice)
    del file[at : at + dice.randrange(1, 2048)]


def _repeat(file, dice, others):
    at = _place(file, dice)
    file[at:at] = file[at : at + dice.randrange(1, 4096)] * dice.choice((1, 1, 2, 50))


def _graft(file, dice, others):
    other, at = dice.choice(others), _place(file, dice)
    start = dice.randrange(len(other))
    file[at:at] = other[start : start + dice.randrange(1, 8192)]


def _length(file, dice, others):
    """A length field, where formats have theirs, that isn't true."""
    at = _place(file, dice)
    file[at : at + 4] = dice.choice((0, 1, 7, 8, len(file), len(file) * 2, 2**31, 2**32 - 1)).to_bytes(4, "big")


def _append(file, dice, others):
    file += dice.randbytes(dice.randrange(1, 4096))


_ONE = (_flip, _flip, _write, _write, _noise, _cut, _drop, _repeat, _graft, _length, _append)
