"""JSON that can be read in one way only, and where in it something stands.

A member that is said twice, a number that isn't whole, NaN, a byte that isn't UTF-8: readers differ on all of these
(RFC 8259 section 4 and 6), and terms that two programs read differently are no terms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from twinbook.domain.errors import InputError

LARGEST = 1 << 20  # bytes; the longest license is some kilobytes
DEEPEST = 24
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def malformed(path: str, what: str) -> InputError:
    return InputError("interchange.malformed", f"{path}: {what}")


def unsupported(path: str, what: str) -> InputError:
    return InputError("interchange.unsupported", f"{path}: {what}")


def under(path: str, name: str) -> str:
    """The JSON path (RFC 9535) of a member, the name cut to what is worth reading."""
    if _PLAIN_NAME.fullmatch(name) and len(name) < 60:
        return f"{path}.{name}"
    text = shown(name)[1:-1].replace("'", "\\'")
    return f"{path}['{text}']"


def shown(value: object) -> str:
    """A value as a message shows it: whatever somebody wrote there, in ASCII and not much of it."""
    if isinstance(value, int) and abs(value) >= 2**64:
        return "a number too large to show"
    text = json.dumps(value) if isinstance(value, str | int | None) else _kind(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _kind(value: object) -> str:
    return {dict: "an object", list: "a list"}.get(type(value), f"a {type(value).__name__}")


@contextmanager
def standing_at(path: str) -> Iterator[None]:
    """What goes wrong in reading a value becomes ``interchange.malformed``, with the value's place."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise malformed(path, f"can't be read: {str(error)[:120] or type(error).__name__}") from error


def parse(data: bytes) -> object:
    """JSON data from outside. Raises InputError ``interchange.malformed``."""
    if len(data) > LARGEST:
        raise malformed("$", f"larger than {LARGEST} bytes")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_float=_no_number, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as error:
        raise malformed("$", f"this is not JSON that can be read in one way only: {str(error)[:120]}") from error
    whole(value)
    return value


def whole(value: object) -> None:
    """Raises InputError ``interchange.malformed`` for what `canonical` would refuse, or what is nested too deep."""
    layer: list[object] = [value]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for one in layer:
            if isinstance(one, dict):
                if not all(isinstance(name, str) for name in one):
                    raise malformed("$", "a member's name is no text")
                inner += one
                inner += one.values()
            elif isinstance(one, list):
                inner += one
            elif not _plain(one):
                raise malformed("$", f"{shown(one)} has no canonical form")
        if not inner:
            return
        layer = inner
    raise malformed("$", f"nested deeper than {DEEPEST} levels")


def _plain(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() or not _SURROGATE.search(value)
    return value is None or (isinstance(value, int) and abs(value) < 2**53)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{shown(name)} is said twice")
        found[name] = value
    return found


def _no_number(text: str) -> object:
    raise ValueError(f"{text[:40]} is not a whole number")


def difference(given: object, meant: object, path: str = "$") -> tuple[str, str] | None:
    """Where and how two values differ; None when they say the same. The order of a list says nothing, as in JSON-LD,
    where an array is a set unless it says otherwise."""
    if isinstance(given, dict) and isinstance(meant, dict):
        for name in (*given, *meant):
            if name not in meant:
                return under(path, name), "doesn't belong here, or not with these terms"
            if name not in given:
                return under(path, name), "is missing"
            found = difference(given[name], meant[name], under(path, name))
            if found:
                return found
        return None
    if isinstance(given, list) and isinstance(meant, list):
        return _lists(given, meant, path)
    if type(given) is type(meant) and given == meant:
        return None
    return path, f"is {shown(given)}, and these terms say {shown(meant)}"


def _lists(given: list, meant: list, path: str) -> tuple[str, str] | None:
    lacking = [_form(item) for item in meant]
    extra = []
    for index, item in enumerate(given):
        form = _form(item)
        if form in lacking:
            lacking.remove(form)
        else:
            extra.append(index)
    if not extra and not lacking:
        return None
    if len(extra) == 1 == len(lacking):
        wanted = next(item for item in meant if _form(item) == lacking[0])
        return difference(given[extra[0]], wanted, f"{path}[{extra[0]}]")
    if extra:
        return f"{path}[{extra[0]}]", "doesn't belong here, or not with these terms"
    return path, f"{len(lacking)} of its items are missing"


def _form(value: object) -> str:
    """The same text for values that say the same, and for no others."""
    return json.dumps(_sorted(value), sort_keys=True)


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value
