"""A TOML table being read: faults name their line, and reading goes on after one."""

from __future__ import annotations

import difflib
import tomllib
from datetime import date, datetime

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from ..domain.brief import FORMATS
from ..domain.errors import CampaignFault, InputError, reason

_CHANNELS = tuple(sorted({shape.channel for shape in FORMATS.values()}))
_LONGEST = 36_500
_WORDS = str.maketrans({" ": "-", "_": "-"})


# --- where each key stands --------------------------------------------------------------------------------------

_Path = tuple[str | int, ...]


def lines(text: str) -> dict[_Path, int]:
    """The line of every table and key, counting from 1. TOML readers don't keep it, so the syntax tree is asked."""
    root = Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node
    found: dict[_Path, int] = {(): 1}
    counts: dict[_Path, int] = {}

    def keys(node: Node) -> list[str]:
        if node.type == "dotted_key":
            return [part for child in node.named_children for part in keys(child)]
        raw = node.text.decode()
        return [tomllib.loads(f"k = {raw}")["k"] if node.type == "quoted_key" else raw]

    def absolute(names: list[str]) -> _Path:
        path: _Path = ()
        for name in names:
            path += (name,)
            if path in counts:
                path += (counts[path],)
        return path

    def value(path: _Path, node: Node) -> None:
        if node.type == "inline_table":
            pairs(path, node)
        elif node.type == "array":
            for index, child in enumerate(c for c in node.named_children if c.type != "comment"):
                found[(*path, index)] = child.start_point[0] + 1
                value((*path, index), child)

    def pairs(path: _Path, node: Node) -> None:
        for pair in (child for child in node.named_children if child.type == "pair"):
            name, *_, content = (c for c in pair.named_children if c.type != "comment")
            inner = path + tuple(keys(name))
            found[inner] = pair.start_point[0] + 1
            value(inner, content)

    pairs((), root)
    for node in root.named_children:
        if node.type in ("table", "table_array_element"):
            names = keys(node.named_children[0])
            *outer, last = names
            path = (*absolute(outer), last)
            if node.type == "table_array_element":
                counts[path] = counts.get(path, -1) + 1
                path += (counts[path],)
            found[path] = node.start_point[0] + 1
            pairs(path, node)
    return found


def dotted(path: _Path) -> str:
    """A key as faults name it: ``shot[2].formats``."""
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else (f".{part}" if out else part)
    return out


class Section:
    """One table. Each getter returns the value, or None after noting a fault, so that reading goes on."""

    def __init__(self, data: dict, path: _Path, lines: dict[_Path, int], faults: list[CampaignFault]) -> None:
        self._data, self._path, self._where, self._faults = data, path, lines, faults
        self._known: list[str] = []

    def fault(
        self, code: str, diagnosis: str, remedy: str = "", key: str | None = None, index: int | None = None
    ) -> None:
        path = (*self._path, *([key] if key else []), *([index] if index is not None else []))
        at = path
        while at not in self._where:
            at = at[:-1]
        self._faults.append(CampaignFault(self._where[at], dotted(path) or "file", reason(code, diagnosis, remedy)))

    def get(self, key: str, kind: type | tuple[type, ...], example: str, *, default: object = ..., check=None):
        """The value of a key, of the given type, passed through ``check`` (which may raise InputError)."""
        self._known.append(key)
        if key not in self._data:
            if default is ...:
                self.fault("campaign.missing_key", f"the key {key!r} is missing", f"add: {key} = {example}", key)
                return None
            return default
        value = self._data[key]
        right = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
        if not right or (kind is date and isinstance(value, datetime)) or value == "":
            self.fault("campaign.value", f"{value!r} is not what is expected", f"write: {key} = {example}", key)
            return None
        if check is None:
            return value
        try:
            return check(value)
        except InputError as error:
            self.fault(error.code, error.diagnosis, error.remedy, key)
            return None

    def has(self, key: str) -> bool:
        return key in self._data

    def words(self, key: str, example: str, *, allowed: tuple[str, ...] = (), default: object = ...) -> tuple[str, ...]:
        """A list of words; each one of ``allowed`` when that is given."""
        found = self.get(key, list, example, default=default)
        for index, word in enumerate(found or ()):
            if not isinstance(word, str) or not word:
                self.fault("campaign.value", f"{word!r} is not a word", f"write: {key} = {example}", key, index)
            elif allowed and word not in allowed:
                close = difflib.get_close_matches(word, allowed, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"use some of: {', '.join(allowed)}"
                self.fault("campaign.value", f"{word!r} is not known here", hint, key, index)
        if found is not None and len(found) == 0 and default is ...:
            self.fault("campaign.value", f"{key} is empty", f"write: {key} = {example}", key)
        return tuple(word for word in found or () if isinstance(word, str))

    def table(self, key: str, *, needed: bool = True) -> Section | None:
        self._known.append(key)
        value = self._data.get(key)
        if value is None:
            if needed:
                self.fault("campaign.missing_key", f"the table [{key}] is missing", f"add a table [{key}]", key)
            return None
        if not isinstance(value, dict):
            self.fault("campaign.value", f"{key} must be a table", f"write it as [{key}] or {key} = {{ … }}", key)
            return None
        return Section(value, (*self._path, key), self._where, self._faults)

    def tables(self, key: str) -> list[Section]:
        self._known.append(key)
        value = self._data.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            self.fault("campaign.missing_key", f"there is no [[{key}]]", f"add at least one table [[{key}]]", key)
            return []
        return [Section(item, (*self._path, key, i), self._where, self._faults) for i, item in enumerate(value)]

    def rest(self) -> dict[str, object]:
        """Everything in a table whose keys are free."""
        self._known += list(self._data)
        return dict(self._data)

    def others(self) -> tuple[str, ...]:
        """The keys that nobody asked for."""
        return tuple(key for key in self._data if key not in self._known)

    def done(self) -> None:
        """Note every key that nobody asked for."""
        for key in self._data:
            if key not in self._known:
                close = difflib.get_close_matches(key, self._known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(self._known)}"
                self.fault("campaign.unknown_key", f"there is no key {key!r} here", hint, key)
