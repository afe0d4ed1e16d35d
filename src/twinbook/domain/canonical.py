"""The exact bytes that are signed and hashed: JSON Canonicalization Scheme (RFC 8785).

Documents of Twinbook hold strings, integers, booleans, null, lists and objects; floats are refused, since money and
measures in signed papers are integers or text. With that, the scheme is: no white space, members sorted by UTF-16 code
units, the minimal escapes of JSON, UTF-8.
"""

from __future__ import annotations

import hashlib
import json

_LARGEST = 2**53 - 1


def _check(value: object, where: str) -> object:
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"{where}: integers beyond 2^53 - 1 have no canonical form")
        return value
    if isinstance(value, list | tuple):
        return [_check(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError(f"{where}: names of members are strings")
        members = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return {key: _check(value[key], f"{where}.{key}") for key in members}
    raise ValueError(f"{where}: {type(value).__name__} has no canonical form")


def canonical(document: object) -> bytes:
    """The canonical bytes of a document. Raises ValueError for what has none."""
    try:
        checked = _check(document, "$")
        # Lone surrogates have no canonical form: UnicodeEncodeError is a ValueError.
        return json.dumps(checked, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")
    except RecursionError as error:
        raise ValueError("it is nested without end") from error


def digest(document: object) -> str:
    """SHA-256 of the canonical bytes, in hex: the name of a document."""
    return hashlib.sha256(canonical(document)).hexdigest()


def member(document: dict, name: str, kind: type):
    """A member of a document from outside, of exactly this type. Raises KeyError and TypeError."""
    value = document[name]
    if type(value) is not kind:
        raise TypeError(f"{name} is not {kind.__name__}")
    return value
