"""Values of frozen dataclasses as bytes and back: what the vault seals. Nothing that is read is ever executed.

Arrays lie in an uncompressed npz; everything else is JSON beside them. Reading follows the annotations, so that what was
stored before a field existed gets the field's default, and a field that this version doesn't know is passed over.
"""

from __future__ import annotations

import io
import json
import types
from collections.abc import Mapping, Sequence, Set
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from twinbook.domain.errors import StateError

T = TypeVar("T")

_ARRAY = "array"
_VALUES = "values"


def pack(value: object) -> bytes:
    """A dataclass of arrays, numbers, text, choices, days, mappings from text, sequences, other dataclasses, or None.

    Raises TypeError for anything else: what couldn't be read again isn't stored.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_encoded(value, arrays)).encode()
    out = io.BytesIO()
    np.savez(out, **{_VALUES: np.frombuffer(text, np.uint8)}, **arrays)
    return out.getvalue()


def unpack(kind: type[T], data: bytes) -> T:
    """Raises StateError ``vault.damaged`` for what can't be a ``kind``."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _decoded(kind, json.loads(arrays[_VALUES].tobytes()), arrays)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise StateError("vault.damaged", f"what is stored is no {kind.__name__.lower()}") from error


def _encoded(value: object, arrays: dict[str, np.ndarray]) -> object:
    match value:
        case np.ndarray() if value.dtype != object:
            name = f"a{len(arrays)}"
            arrays[name] = value
            return {_ARRAY: name}
        case np.generic():
            return _encoded(value.item(), arrays)
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case date():  # a datetime as well
            return value.isoformat()
        case Mapping():
            return {str(_encoded(key, arrays)): _encoded(item, arrays) for key, item in value.items()}
        case Set():
            return sorted(_encoded(item, arrays) for item in value)
        case Sequence():
            return [_encoded(item, arrays) for item in value]
    if is_dataclass(value):
        return {field.name: _encoded(getattr(value, field.name), arrays) for field in fields(value)}
    raise TypeError(f"the vault can't keep a {type(value).__name__}")


def _decoded(hint: Any, data: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        if data is None:
            return None
        wanted = [one for one in arguments if one is not types.NoneType]
        return _decoded(wanted[0], data, arrays) if len(wanted) == 1 else data
    if hint is np.ndarray or origin is np.ndarray:
        return arrays[data[_ARRAY]]
    if origin in (tuple, list, frozenset, Sequence):
        whole = origin is not tuple or arguments[1:] == (...,)
        kinds = [arguments[0]] * len(data) if whole else arguments
        items = (_decoded(kind, item, arrays) for kind, item in zip(kinds, data, strict=True))
        return frozenset(items) if origin is frozenset else list(items) if origin is list else tuple(items)
    if origin in (Mapping, dict):
        return {_decoded(arguments[0], key, arrays): _decoded(arguments[1], item, arrays) for key, item in data.items()}
    if is_dataclass(hint):
        return _made(hint, data, arrays)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    if hint in (date, datetime):
        return hint.fromisoformat(data)
    return float(data) if hint is float else data


def _made(kind: type[T], data: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> T:
    hints, made = get_type_hints(kind), {}
    for field in fields(kind):
        if field.name in data:
            made[field.name] = _decoded(hints[field.name], data[field.name], arrays)
        elif field.default is MISSING and field.default_factory is MISSING:
            said = f"it was stored before a {kind.__name__.lower()} had {field.name!r}"
            raise StateError("vault.damaged", said, "enroll her photographs again")
    return kind(**made)
