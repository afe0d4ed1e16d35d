"""Terms as documents and back, so that reading and writing are inverse.

A form is a frozen dataclass whose fields are the members of a document, under the same names. What it can hold follows
from the annotations: text, words in one spelling, whole numbers, flags, days, moments, money, shares (exact fractions), choices (`StrEnum`),
other forms, sets and lists of these, maps from text, and each of them or nothing. Reading is strict: a member too many, one missing, a set
that isn't sorted or a number in place of a flag makes the whole document unreadable. What isn't understood to the last
member can't be signed, and can't be permitted.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import cache
from typing import ClassVar, NamedTuple, Self, Union, get_args, get_origin, get_type_hints

from .errors import InputError
from .money import Money
from .party import PaperKind, Role
from .spelling import Word, plain

_FORMS: dict[PaperKind, type[Form]] = {}


class Form:
    """A frozen dataclass that is a document. ``KIND`` is set on those that people sign; each kind has one form."""

    KIND: ClassVar[PaperKind | None] = None

    def __init_subclass__(cls) -> None:
        if cls.KIND:
            _FORMS[cls.KIND] = cls

    def signers(self) -> Mapping[Role, str]:
        """Whose keys these terms take, by role: what the terms themselves say, whatever a database says."""
        raise NotImplementedError

    def document(self) -> dict[str, object]:
        """The terms as canonical JSON data: what is signed and hashed."""
        head = {"type": self.KIND.value} if self.KIND else {}
        return head | {name: codec.write(getattr(self, name)) for name, codec in _codecs(type(self)).items()}

    @classmethod
    def from_document(cls, document: Mapping[str, object]) -> Self:
        """Raises InputError ``signature.invalid`` for anything but a document that `document` could have written."""
        what = cls.KIND.name.lower() if cls.KIND else cls.__name__.lower()
        try:
            return cls._read(document)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, InputError) as error:
            raise InputError("signature.invalid", f"this is not a {what}: {error}") from error

    @classmethod
    def _read(cls, document: Mapping[str, object]) -> Self:
        if not isinstance(document, dict):
            raise TypeError("not an object")
        codecs = _codecs(cls)
        expected = set(codecs) | ({"type"} if cls.KIND else set())
        if document.keys() != expected:
            odd = ", ".join(sorted(map(str, document.keys() ^ expected)))
            raise ValueError(f"members missing or unknown: {odd}")
        if cls.KIND and document["type"] != cls.KIND.value:
            raise ValueError(f"its type is {document['type']!r}")
        made = {}
        for name, codec in codecs.items():
            try:
                made[name] = codec.read(document[name])
            except (TypeError, ValueError, ArithmeticError, InputError) as error:
                raise ValueError(f"{name}: {error}") from error
        return cls(**made)


def read_terms(document: Mapping[str, object]) -> Form:
    """The terms in a document, whatever its kind. Raises InputError ``signature.invalid``."""
    try:
        form = _FORMS[PaperKind(document["type"])]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError("signature.invalid", "this is no document that Twinbook knows") from error
    return form.from_document(document)


class _Codec(NamedTuple):
    write: Callable[[object], object]
    read: Callable[[object], object]


# Counts and days. The limit keeps every sum of a day and a number of days within the calendar.
_MOST = 1_000_000
_FRACTION = re.compile(r"[0-9]{1,6}(/[0-9]{1,6})?")


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"not a whole number from 0 to {_MOST}")
    return value


def _share(text: str) -> Fraction:
    if not _FRACTION.fullmatch(text):
        raise ValueError(f"{text!r} is not a share")
    return Fraction(text)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.utcoffset() != timedelta(0):
        raise ValueError("not in UTC")
    return at


def _exactly(kind: type) -> Callable[[object], object]:
    def read(value: object) -> object:
        if type(value) is not kind:
            raise TypeError(f"not {kind.__name__}")
        return value

    return read


_text = _exactly(str)


def _written(parse: Callable[[str], object], write: Callable[[object], str]) -> _Codec:
    """Text that must be exactly as we write it: ``450 EUR`` and ``450.00 EUR`` are not two forms of one document."""

    def read(value: object) -> object:
        made = parse(_text(value))
        if write(made) != value:
            raise ValueError(f"{value!r} is not in its usual form")
        return made

    return _Codec(write, read)


_PLAIN = {
    str: _Codec(lambda value: value, _text),
    int: _Codec(lambda value: value, _count),
    bool: _Codec(lambda value: value, _exactly(bool)),
    date: _written(date.fromisoformat, date.isoformat),
    datetime: _written(_moment, lambda at: at.isoformat(timespec="seconds")),
    Money: _written(Money.parse, str),
    Fraction: _written(_share, str),
    Word: _written(plain, plain),
}


def _choice(kind: type[StrEnum]) -> _Codec:
    return _Codec(lambda value: value.value, lambda value: kind(_text(value)))


def _optional(inner: _Codec) -> _Codec:
    return _Codec(
        lambda value: None if value is None else inner.write(value),
        lambda value: None if value is None else inner.read(value),
    )


def _set(inner: _Codec) -> _Codec:
    def read(value: object) -> frozenset:
        if type(value) is not list or value != sorted(set(value)):
            raise ValueError("not a sorted list without repetition")
        return frozenset(inner.read(item) for item in value)

    return _Codec(lambda value: sorted({inner.write(item) for item in value}), read)


def _list(inner: _Codec) -> _Codec:
    def read(value: object) -> tuple:
        if type(value) is not list:
            raise TypeError("not a list")
        return tuple(inner.read(item) for item in value)

    return _Codec(lambda value: [inner.write(item) for item in value], read)


def _map(inner: _Codec) -> _Codec:
    def read(value: object) -> dict:
        if type(value) is not dict:
            raise TypeError("not an object")
        return {_text(name): inner.read(item) for name, item in value.items()}

    return _Codec(lambda value: {name: inner.write(item) for name, item in sorted(value.items())}, read)


def _codec(hint: object) -> _Codec:
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return _optional(_codec(inner))
    if origin is frozenset:
        return _set(_codec(arguments[0]))
    if origin is tuple:
        return _list(_codec(arguments[0]))
    if origin is Mapping:
        return _map(_codec(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _choice(hint)
    if isinstance(hint, type) and issubclass(hint, Form):
        return _Codec(lambda value: value.document(), hint._read)
    raise TypeError(f"a form can't hold {hint}")


@cache
def _codecs(form: type[Form]) -> dict[str, _Codec]:
    hints = get_type_hints(form)
    return {field.name: _codec(hints[field.name]) for field in fields(form)}
