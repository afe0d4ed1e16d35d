"""Law packs: reads the rules and labels of each place from TOML, strictly.

A pack that isn't understood to the last key is refused whole: a rule that is silently left out is worse than none at
all. What a pack can say is in docs/howto/add-a-jurisdiction.md; what the rules then find is `domain.policy`'s affair.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import get_args, get_type_hints

from ..domain.consent import Consent
from ..domain.errors import InputError
from ..domain.license import License
from ..domain.permit import Act
from ..domain.policy import (
    METADATA,
    OPERATORS,
    TOPICS,
    Condition,
    Label,
    Law,
    Made,
    Pack,
    Reach,
    Rule,
    Status,
    Subject,
    known_facts,
)
from ..domain.territory import is_territory

# Documents that a rule can count on, by its subject: a license never stands without the consent under it.
_SEES = {
    Subject.CONSENT: {"consent"},
    Subject.LICENSE: {"consent", "license"},
    Subject.USE: {"consent", "license", "use"},
}
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SLOT = re.compile(r"\{([^{}]*)\}")
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def load(folder: Path | None = None) -> Law:
    """All packs that ship and those in a folder; one there with the same id replaces the one that ships.

    Raises InputError ``law.pack``, naming file and rule, for a pack that can't be read to the last key.
    """
    packs = {pack.id: pack for pack in _shipped()}
    if folder is not None:
        if not folder.is_dir():
            raise InputError("law.pack", f"{folder} is no folder of law packs", "mend TWINBOOK_LAW or unset it")
        for pack in _read_all((file.name, _text(file)) for file in sorted(folder.glob("*.toml"))):
            packs[pack.id] = pack
    return Law(packs[name] for name in sorted(packs))


@cache
def _shipped() -> tuple[Pack, ...]:
    found = sorted((f for f in files(__name__).iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(_read_all((file.name, file.read_text(encoding="utf-8")) for file in found))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError("law.pack", f"{file} can't be read as UTF-8 text") from error


def _read_all(named: Iterable[tuple[str, str]]) -> list[Pack]:
    packs: dict[str, Pack] = {}
    for name, text in named:
        pack = read_pack(text, name)
        if pack.id in packs:
            raise InputError("law.pack", f"{name}: there is another pack with the id {pack.id!r}")
        packs[pack.id] = pack
    return list(packs.values())


def read_pack(text: str, name: str) -> Pack:
    """One pack from TOML; ``name`` is the file's, for messages. Raises InputError ``law.pack``."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("law.pack", f"{name}: {error}", "mend the line named") from error
    return _pack(_Table(data, name))


class _Table:
    """A table being read. Every getter takes its key away; what is left over at the end is a fault."""

    def __init__(self, data: Mapping[str, object], where: str) -> None:
        self._data, self.where, self._known = dict(data), where, []

    def fault(self, what: str, remedy: str = "") -> InputError:
        return InputError("law.pack", f"{self.where}: {what}", remedy)

    def get(self, key: str, kind: type, default: object = ...):
        self._known.append(key)
        if key not in self._data:
            if default is ...:
                raise self.fault(f"{key} is missing", f"add: {key} = …")
            return default
        value = self._data.pop(key)
        if type(value) is not kind or value in ("", [], {}):
            raise self.fault(f"{key} = {value!r} is no {kind.__name__}, or empty")
        return value

    def day(self, key: str, default: object = ...):
        found = self.get(key, date, default)
        if isinstance(found, datetime):
            raise self.fault(f"{key} is a moment", "write a day: 2026-06-09")
        return found

    def choice(self, key: str, allowed: Collection[str], default: object = ...) -> str:
        return self.among(key, self.get(key, str, default), allowed)

    def words(self, key: str, allowed: Collection[str] | None = None, default: object = ...) -> frozenset[str]:
        found = self.get(key, list, default)
        for word in found:
            if not isinstance(word, str) or not word:
                raise self.fault(f"{key} holds {word!r}, which is no word")
            if allowed is not None:
                self.among(key, word, allowed)
        return frozenset(found)

    def among(self, key: str, word: str, allowed: Collection[str]) -> str:
        if word not in allowed:
            close = difflib.get_close_matches(word, allowed, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(sorted(allowed))}"
            raise self.fault(f"{key} = {word!r} is not known", hint)
        return word

    def one_of(self, keys: Collection[str], rule: str) -> tuple[str, object]:
        """The one key of these that is there, with its value."""
        self._known += keys
        found = [key for key in self._data if key in keys]
        if len(found) != 1:
            self.done(besides=found)
            raise self.fault(rule, f"use one of: {', '.join(keys)}")
        return found[0], self._data.pop(found[0])

    def tables(self, key: str, named: Callable[[int, Mapping], str]) -> list[_Table]:
        found = self.get(key, list, [])
        for item in found:
            if not isinstance(item, dict):
                raise self.fault(f"{key} holds {item!r}, which is no table")
        return [_Table(item, f"{self.where}, {named(number, item)}") for number, item in enumerate(found, 1)]

    def done(self, besides: Collection[str] = ()) -> None:
        for key in self._data.keys() - set(besides):
            close = difflib.get_close_matches(key, self._known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(self._known)}"
            raise self.fault(f"there is no key {key!r}", hint)


def _pack(table: _Table) -> Pack:
    pack_id = table.get("id", str)
    if not _ID.fullmatch(pack_id):
        raise table.fault(f"id = {pack_id!r} is no id", "use lower-case letters, digits and hyphens")
    name, about = table.get("name", str), table.get("about", str, "")
    covers = table.words("covers")
    for code in sorted(covers):
        if not is_territory(code):
            raise table.fault(
                f"covers {code!r}, which is no territory", 'write codes like "SE", "US-NY", "EU", "WORLD"'
            )
    status = Status(table.choice("status", tuple(Status)))
    reviewed, agreement = table.day("reviewed"), table.get("agreement", bool, False)
    rules = tuple(
        _rule(rule, pack_id, status)
        for rule in table.tables("rule", lambda number, item: f"rule {item.get('id', number)}")
    )
    labels = tuple(_label(label, status) for label in table.tables("label", lambda number, _: f"label {number}"))
    table.done()
    ids = [rule.id for rule in rules]
    for twice in {rule for rule in ids if ids.count(rule) > 1}:
        raise table.fault(f"two rules have the id {twice!r}")
    return Pack(pack_id, name, covers, status, reviewed, agreement, rules, labels, about)


def _rule(table: _Table, pack: str, status: Status) -> Rule:
    short = table.get("id", str)
    if not _ID.fullmatch(short):
        raise table.fault(f"id = {short!r} is no id", "use lower-case letters, digits and hyphens")
    subject = Subject(table.choice("subject", tuple(Subject)))
    since, until = _days(table)
    when, require = _conditions(table, "when", subject), _conditions(table, "require", subject)
    if not require:
        raise table.fault("require is missing", "say what must hold, else the rule finds nothing")
    rule = Rule(
        id=f"{pack}.{short}",
        topic=table.choice("topic", TOPICS),
        title=table.get("title", str),
        subject=subject,
        reach=Reach(table.choice("reach", tuple(Reach), Reach.EITHER.value)),
        since=since,
        until=until,
        status=Status(table.choice("status", tuple(Status), status.value)),
        source=table.get("source", str),
        url=_url(table),
        when=when,
        require=require,
        diagnosis=table.get("diagnosis", str),
        remedy=table.get("remedy", str),
    )
    table.done()
    for slot in _SLOT.findall(rule.diagnosis):
        _fact(table, slot, subject)
    return rule


def _label(table: _Table, status: Status) -> Label:
    since, until = _days(table)
    label = Label(
        made=frozenset(Made(word) for word in table.words("made", tuple(Made))),
        text=_by_language(table, "text"),
        since=since,
        until=until,
        status=Status(table.choice("status", tuple(Status), status.value)),
        min_share=_share(table),
        source=table.get("source", str),
        channels=table.words("channels", default=[]),
        metadata=table.words("metadata", METADATA, default=[]),
        notice=_by_language(table, "notice", {}),
        url=_url(table),
    )
    table.done()
    return label


def _days(table: _Table) -> tuple[date, date | None]:
    since, until = table.day("since"), table.day("until", None)
    if until is not None and until < since:
        raise table.fault("until lies before since")
    return since, until


def _url(table: _Table) -> str:
    url = table.get("url", str)
    if not url.startswith("https://"):
        raise table.fault(f"url = {url!r} is no https address")
    return url


def _share(table: _Table) -> Fraction:
    text = table.get("min_share", str, "0 %")
    match = _SHARE.fullmatch(text)
    if not match or Fraction(match[1]) > 100:
        raise table.fault(f"min_share = {text!r} is no share", 'write it as "5 %"')
    return Fraction(match[1]) / 100


def _by_language(table: _Table, key: str, default: object = ...) -> Mapping[str, str]:
    found = table.get(key, dict, default)
    for language, words in found.items():
        if not _LANGUAGE.fullmatch(language) or not isinstance(words, str) or not words:
            raise table.fault(f"{key}.{language} is no text in a language", 'write: text = { en = "AI GENERATED" }')
    return found


# --- conditions -------------------------------------------------------------------------------------------------


def _conditions(table: _Table, key: str, subject: Subject) -> tuple[Condition, ...]:
    return tuple(_condition(item, subject) for item in table.tables(key, lambda number, _: f"{key} {number}"))


def _condition(table: _Table, subject: Subject) -> Condition:
    fact = _fact(table, table.get("fact", str), subject)
    operator, value = table.one_of(OPERATORS, "a condition asks one thing of a fact")
    table.done()
    return Condition(fact, operator, _value(table, fact, operator, value, subject))


def _fact(table: _Table, fact: str, subject: Subject) -> str:
    table.among("fact", fact, known_facts())
    if fact.partition(".")[0] not in _SEES[subject]:
        raise table.fault(f"a rule about a {subject} can't look at {fact}", "give it the subject that has both")
    return fact


def _value(table: _Table, fact: str, operator: str, value: object, subject: Subject) -> object:
    """A condition's value, of the type its operator needs and, where the fact is a choice, one of the choices."""
    if operator == "same_as":
        return _fact(table, value if isinstance(value, str) else repr(value), subject)
    kinds = {"given": bool, "at_most": (int, float), "at_least": (int, float), "one_of": list}
    kind = kinds.get(operator, str if operator in ("contains", "lacks") else (str, int, bool))
    if not isinstance(value, kind) or (isinstance(value, bool) and operator in ("at_most", "at_least")):
        raise table.fault(f"{operator} = {value!r} can't be asked of {fact}")
    if operator in ("at_most", "at_least"):
        return Fraction(str(value))  # as written, not the nearest binary fraction
    choices = _choices().get(fact)
    if choices and operator != "given":
        for word in value if operator == "one_of" else [value]:
            table.among(operator, word, choices)
    return tuple(value) if operator == "one_of" else value


@cache
def _choices() -> Mapping[str, frozenset[str]]:
    """The words that a fact can have, where they are few: a misspelt one would never be met."""
    found = {"use.act": frozenset(Act)}
    for paper, form in (("consent", Consent), ("license", License)):
        for name, hint in get_type_hints(form).items():
            for kind in (hint, *get_args(hint)):
                if isinstance(kind, type) and issubclass(kind, StrEnum):
                    found[f"{paper}.{name}"] = frozenset(kind)
    return found
