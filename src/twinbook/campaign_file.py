"""Read a campaign file: TOML in, a `Campaign` out, or every fault at once with its line, key and remedy."""

from __future__ import annotations

import difflib
import re
import tomllib
import unicodedata
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from .domain.brief import FORMATS, REGIONS, STUDIO_SCENES, Recolor, Shot
from .domain.campaign import Campaign, CampaignShot, CastTalent, ConsentTerms, Exclusive, LicenseTerms, Named
from .domain.consent import USUAL_EDITS, Approval, Edit, Part, PostMortem
from .domain.errors import CampaignError, CampaignFault, InputError, reason
from .domain.fidelity import Owner, check_tolerances
from .domain.gate import ADULT
from .domain.license import Split
from .domain.money import Money
from .domain.party import Party, Role, age
from .domain.spelling import plain
from .domain.territory import is_territory

_CHANNELS = tuple(sorted({shape.channel for shape in FORMATS.values()}))
_LONGEST = 36_500
_WORDS = str.maketrans({" ": "-", "_": "-"})


def slug(name: str) -> str:
    """A party's id from its name: lower case, hyphens. ``Tvaton`` becomes ``tvaton``. Raises InputError ``party.name``."""
    name = unicodedata.normalize("NFKC", name)  # an accent is a letter's, however the file wrote it
    kept = "".join(c for c in name.lower().translate(_WORDS) if c.isalnum() or c == "-").strip("-")
    if not kept:
        raise InputError("party.name", f"no id can be made from the name {name!r}")
    return kept[:48]


def _name(text: str) -> str:
    """A name that an id can be made from."""
    slug(text)
    return text


def _is_id(text: str) -> bool:
    try:
        return slug(text) == text
    except InputError:
        return False


def read_campaign(file: Path, today: date, *, agreed: bool = False) -> Campaign:
    """Raises CampaignError with all faults found, or InputError ``campaign.missing_file``. Only where licenses that were
    ``agreed`` before will do may a campaign name one in place of terms."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError("campaign.syntax", f"{file} is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        raise InputError("campaign.missing_file", f"{file} can't be read: {error.strerror}") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CampaignError(str(file), [_syntax_fault(error, text)]) from error
    faults: list[CampaignFault] = []
    campaign = _campaign(_Section(data, (), lines(text), faults), file, today, agreed)
    if faults:
        raise CampaignError(str(file), sorted(faults, key=lambda fault: fault.line))
    return campaign


def _syntax_fault(error: tomllib.TOMLDecodeError, text: str) -> CampaignFault:
    found = str(error)
    named = re.search(r"\(at line (\d+),", found)
    line = int(named[1]) if named else text.count("\n") + 1
    return CampaignFault(line, "file", reason("campaign.syntax", found.split(" (at ")[0]))


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


# --- a table being read -----------------------------------------------------------------------------------------


class _Section:
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

    def table(self, key: str, *, needed: bool = True) -> _Section | None:
        self._known.append(key)
        value = self._data.get(key)
        if value is None:
            if needed:
                self.fault("campaign.missing_key", f"the table [{key}] is missing", f"add a table [{key}]", key)
            return None
        if not isinstance(value, dict):
            self.fault("campaign.value", f"{key} must be a table", f"write it as [{key}] or {key} = {{ … }}", key)
            return None
        return _Section(value, (*self._path, key), self._where, self._faults)

    def tables(self, key: str) -> list[_Section]:
        self._known.append(key)
        value = self._data.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
            self.fault("campaign.missing_key", f"there is no [[{key}]]", f"add at least one table [[{key}]]", key)
            return []
        return [_Section(item, (*self._path, key, i), self._where, self._faults) for i, item in enumerate(value)]

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


# --- the campaign -----------------------------------------------------------------------------------------------


def _campaign(top: _Section, file: Path, today: date, agreed: bool) -> Campaign | None:
    talents = [_talent(section, today) for section in top.tables("talent")]
    section = top.table("license")
    if section and (section.has("booking") or section.has("paper")):
        named, consent, license = _named(top, section, agreed), None, None
    else:
        named, license = None, _license(section) if section else None
        consent = _consent(section) if (section := top.table("consent")) else None
    ids = tuple(talent.party.id for talent in talents if talent)
    if len(set(ids)) < len(ids):
        top.fault("campaign.value", "two talents have the same id", "give each an id of her own", "talent")
    shots = [_shot(section, number, ids, file.parent) for number, section in enumerate(top.tables("shot"), 1)]
    top.done()
    if (not named and None in (consent, license)) or not all(talents) or not all(shots):
        return None
    if named:
        return Campaign(file.stem, tuple(talents), None, None, tuple(shots), named)
    if license.fee.currency != consent.terms["min_fee"].currency:
        top.fault("money.currencies", "fee and minimum fee are in two currencies", key="license")
    for talent in talents:
        _check_day_rate(top, talent, consent)
    return Campaign(file.stem, tuple(talents), consent, license, tuple(shots))


def _named(top: _Section, section: _Section, agreed: bool) -> tuple[Named, ...]:
    """The licenses that a campaign names, each by its booking or by its digest. All that they say is signed already."""
    found = []
    for key, example, shape in (
        ("booking", '"mira-0123456789"', r".{1,64}-[0-9a-f]{10}"),
        ("paper", '"3f9a01c2b4d5"', r"[0-9a-f]{8,64}"),
    ):
        names = section.get(key, (str, list), example, default=[])
        for index, name in enumerate([names] if isinstance(names, str) else names or ()):
            if not isinstance(name, str) or not re.fullmatch(shape, name):
                at = index if isinstance(names, list) else None
                section.fault("campaign.value", f"{name!r} names no license", f"write: {key} = {example}", key, at)
            else:
                found.append(Named(**{key: name}))
    if not agreed:
        section.fault(
            "campaign.value", "it names a license that was agreed, and this takes terms", "write out its terms"
        )
    for key in section.others():
        section.fault(
            "campaign.value", "what was agreed says that itself", f"leave {key} out, or leave booking out", key
        )
    if top.table("consent", needed=False):
        top.fault("campaign.value", "the license that is named rests on a consent", "leave [consent] out", "consent")
    return tuple(found)


def _check_day_rate(top: _Section, talent: CastTalent, consent: ConsentTerms) -> None:
    rate, percent = talent.day_rate, consent.terms["min_fee_percent"]
    if percent and rate is None:
        diagnosis = f"min_fee_percent is of a day rate, and {talent.party.name} has none"
        top.fault("campaign.missing_key", diagnosis, 'add: day_rate = "1800 EUR"', "talent")
    elif percent and rate.currency != consent.terms["min_fee"].currency:
        top.fault("money.currencies", "day rate and minimum fee are in two currencies", key="talent")


def _talent(section: _Section, today: date) -> CastTalent | None:
    talent_id = section.get("id", str, '"mira"')
    name = section.get("name", str, '"Mira Holm"')
    born = section.get("born", date, "1998-03-14")
    photos = section.get("photos", str, '"photos/mira"')
    agency = section.get("agency", str, '"Nordlight"', default="", check=_name)
    day_rate = section.get("day_rate", str, '"1800 EUR"', default=None, check=Money.parse)
    synthetic = section.get("synthetic", bool, "false", default=False)
    based_in = section.get("based_in", str, '"SE"', default="", check=_territory)
    language = section.get("language", str, '"en"', default="en", check=_language)
    replaces = section.get("replaces", str, '"3f9a1c0b77d2"', default="", check=_digest)
    measures = section.table("measurements", needed=False)
    measurements = measures.rest() if measures else {}
    for key, value in measurements.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 300:
            measures.fault("campaign.value", f"{value!r} is not a measure", f"write centimetres: {key} = 82", key)
    section.done()
    if talent_id and not _is_id(talent_id):
        section.fault("campaign.value", f"{talent_id!r} is no id", "use lower-case letters, digits, hyphens", "id")
        return None
    if born and age(born, today) < ADULT:
        section.fault("talent.minor", f"{name} is under {ADULT}", key="born")
        return None
    if None in (talent_id, name, born, photos, based_in, language, replaces):
        return None
    party = Party(talent_id, Role.TALENT, name, born)
    agent = Party(slug(agency), Role.AGENCY, agency) if agency else None
    return CastTalent(party, photos, agent, day_rate, synthetic, measurements, based_in, language, replaces)


def _consent(section: _Section) -> ConsentTerms | None:
    terms = {
        "purpose": section.get("purpose", str, '"e-commerce images"'),
        "uses": section.get("uses", str, '"autumn lookbook: ten studio images"', default=""),
        "parts": _choices(section, "parts", Part, '["capture", "template", "generate"]'),
        "edits": _choices(section, "edits", Edit, '["minor", "recolor", "scene"]', default=USUAL_EDITS),
        "until": section.get("until", date, "2027-11-22"),
        "channels": frozenset(section.words("channels", '["web", "instagram"]', allowed=_CHANNELS)),
        "territories": _territories(section),
        "never": frozenset(plain(word) for word in section.words("never", '["fur", "tobacco"]', default=[])),
        "min_fee": section.get("min_fee_per_image", str, '"300 EUR"', check=Money.parse),
        "min_fee_percent": section.get("min_fee_percent", (int, float), "20", default=Fraction(0), check=_percent),
        "max_images_per_month": section.get("max_images_per_month", int, "40", check=_at_least_one),
        "cooling_off_days": section.get("cooling_off_days", int, "7", default=0, check=_days),
        "reconsent_days": section.get("reconsent_days", int, "365", default=730, check=_at_least_one),
        "approval": _approval(section),
        "tolerances": _tolerances(section, Owner.TALENT),
    }
    brands = section.get("max_brands", int, "3", default=None, check=_at_least_one)
    estate = section.get("estate", str, '"Holm family"', default="", check=_name)
    section.done()
    if None in terms.values():
        return None
    after = PostMortem.ESTATE if estate else PostMortem.ENDS
    return ConsentTerms(terms | {"max_brands": brands, "post_mortem": after, "estate": slug(estate) if estate else ""})


def _approval(section: _Section) -> Approval | None:
    """``approval``, or its short form for the commonest choice."""
    each = section.get("approve_each_image", bool, "false", default=None)
    asked = section.get("approval", str, '"image"', default=None)
    if each is not None and asked is not None:
        section.fault("campaign.value", "approval and approve_each_image say the same thing", "keep one", "approval")
        return None
    if asked is None:
        return Approval.IMAGE if each else Approval.NONE
    if asked not in tuple(Approval):
        section.fault("campaign.value", f"{asked!r} is no approval", f"use one of: {', '.join(Approval)}", "approval")
        return None
    return Approval(asked)


def _license(section: _Section) -> LicenseTerms | None:
    brand = section.get("brand", str, '"Tvaton"', check=_name)
    terms = {
        "category": section.get("category", str, '"fast fashion"', check=plain),
        "uses": section.get("uses", str, '"autumn lookbook: ten studio images"', default=""),
        "fee": section.get("fee_per_image", str, '"450 EUR"', check=Money.parse),
        "channels": frozenset(section.words("channels", '["instagram", "web"]', allowed=_CHANNELS)),
        "territories": _territories(section),
        "term_days": section.get("term_days", int, "90", check=_days_of_term),
        "payment_days": section.get("payment_days", int, "30", default=30, check=_days),
        "wind_down_days": section.get("wind_down_days", int, "30", default=0, check=_days),
        "replaces_in_person": section.get("replaces_in_person", bool, "false", default=False),
        "advised_by": section.get("advised_by", str, '"SAG-AFTRA"', default=""),
        "trains_models": section.get("trains_models", bool, "false", default=False),
        "sublicensees": _brands(section, "sublicensees", '["Tvaton Home"]'),
        "vendors": frozenset(section.words("vendors", '["Rendering house"]', default=[])),
        "split": _split(section.table("split", needed=False)),
    }
    images = section.get("max_images", int, "20", default=None, check=_at_least_one)
    exclusive = _exclusive(section.table("exclusive", needed=False))
    section.done()
    if brand is None or None in terms.values():
        return None
    return LicenseTerms(Party(slug(brand), Role.BRAND, brand), terms | {"max_images": images}, exclusive)


def _exclusive(section: _Section | None) -> Exclusive | None:
    if section is None:
        return None
    category = section.get("category", str, '"fast fashion"', default="")
    channels = section.words("channels", '["instagram"]', allowed=_CHANNELS, default=[])
    territories = _territories(section, default=[])
    brands = _brands(section, "competitors", '["Zandra"]')
    starts = section.get("starts", date, "2026-12-01", default=None)
    ends = section.get("ends", date, "2027-03-01", default=None)
    section.done()
    if starts and ends and ends < starts:
        section.fault("campaign.value", "it would end before it starts", "give a later last day", "ends")
    return Exclusive(plain(category or ""), frozenset(channels), territories, brands, starts, ends)


def _brands(section: _Section, key: str, example: str) -> frozenset[str]:
    """The ids of brands that are written by name."""
    found = []
    for index, name in enumerate(section.words(key, example, default=[])):
        try:
            found.append(slug(name))
        except InputError as error:
            section.fault(error.code, error.diagnosis, error.remedy, key, index)
    return frozenset(found)


def _choices(section: _Section, key: str, kind: type[StrEnum], example: str, default: object = ...) -> frozenset:
    if default is not ... and not section.has(key):
        section.words(key, example, default=[])
        return default
    words = section.words(key, example, allowed=tuple(kind))
    return frozenset(kind(word) for word in words if word in tuple(kind))


def _territories(section: _Section, default: object = ...) -> frozenset[str]:
    found = section.words("territories", '["SE", "US-NY"]', default=default)
    for index, code in enumerate(found):
        if not is_territory(code):
            hint = 'write ISO 3166 codes like "SE" or "US-NY", "EU", or "WORLD"'
            section.fault("campaign.value", f"{code!r} is no territory", hint, "territories", index)
    return frozenset(found)


def _split(section: _Section | None) -> Split | None:
    if section is None:
        return Split(Fraction(0), {})
    agency = section.get("agency", (int, float), "20", default=0)
    crew_table = section.table("crew", needed=False)
    crew = crew_table.rest() if crew_table else {}
    for name, share in crew.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            crew_table.fault("campaign.value", f"{share!r} is not a percentage", f'write: "{name}" = 3', name)
            return None
    section.done()
    if agency is None:
        return None
    try:
        # Through text: the percentage as written, not the nearest binary fraction.
        return Split(Fraction(str(agency)), {name: Fraction(str(share)) for name, share in crew.items()})
    except (InputError, ValueError) as error:
        section.fault("license.split", getattr(error, "diagnosis", "the percentages can't be read"))
        return None


def _shot(section: _Section, number: int, talents: tuple[str, ...], folder: Path) -> CampaignShot | None:
    name = section.get("name", str, '"hero"', default=f"shot-{number}", check=_file_name)
    cast = section.words("talents", '["mira"]', allowed=talents)
    formats = section.words("formats", '["instagram-4x5"]', allowed=tuple(FORMATS))
    scene = section.get("scene", str, '"studio:warm-grey"', default=None, check=lambda s: _scene(s, folder))
    garment = section.table("garment", needed=False)
    plate = section.get("plate", str, '"front"', default=None)
    contexts = section.words("contexts", '["summer"]', default=[])
    words = section.get("words", str, '"I wear it every day."', default="")
    engine = section.get("engine", str, '"composite"', default="composite")
    tolerances = _tolerances(section, Owner.BRAND)
    vendor = section.get("vendor", str, '"Rendering house"', default="")
    brand = section.get("for_brand", str, '"Tvaton Home"', default="", check=_name)
    recolor = _recolor(garment) if garment else None
    section.done()
    for key, values in (("talents", cast), ("formats", formats)):
        if len(set(values)) < len(values):
            section.fault("campaign.value", f"{key} names one twice", "name each once", key)
    if not section.has("scene") and not section.has("garment"):
        section.fault("campaign.value", "the shot asks for nothing new", "give it a scene, a garment or both")
    if None in (name, engine, tolerances):
        return None
    shot = Shot(
        id=name,
        talents=cast,
        formats=formats,
        scene=scene if scene and scene.startswith("studio:") else None,
        recolor=recolor,
        plate=Path(plate).stem if plate else None,
        contexts=tuple(plain(word) for word in contexts),
        words=words or "",
        engine=engine,
        tolerances=tolerances,
        vendor=vendor or "",
        brand=slug(brand) if brand else "",
    )
    return CampaignShot(name, shot, scene)


def _tolerances(section: _Section, owner: Owner) -> dict[str, Fraction] | None:
    """Bounds by their measure's name, written ``body.width = 3``."""
    table = section.table("tolerances", needed=False)
    found: dict[str, Fraction] = {}
    for group, inner in table.rest().items() if table else ():
        for key, value in inner.items() if isinstance(inner, dict) else [("", inner)]:
            name = f"{group}.{key}" if key else group
            try:
                if isinstance(value, bool) or not isinstance(value, int | float):
                    raise InputError("campaign.value", f"{value!r} is no bound", f"write: {name} = 3")
                check_tolerances({name: Fraction(str(value))}, owner)
            except (InputError, ValueError) as error:
                if not isinstance(error, InputError):
                    error = InputError("campaign.value", f"{value!r} is no bound", f"write: {name} = 3")
                table.fault(error.code, error.diagnosis, error.remedy, group)
                return None
            found[name] = Fraction(str(value))
    return found


def _recolor(section: _Section) -> Recolor | None:
    region = section.get("recolor", str, '"top"')
    to = section.get("to", str, '"#1f3a93"')
    section.done()
    try:
        return Recolor(region, to) if region and to else None
    except InputError as error:
        section.fault(error.code, error.diagnosis, error.remedy, "to" if region in REGIONS else "recolor")
        return None


def _scene(scene: str, folder: Path) -> str:
    if scene.startswith("studio:"):
        if scene.removeprefix("studio:") not in STUDIO_SCENES:
            raise InputError(
                "campaign.scene",
                f"there is no studio scene {scene!r}",
                f"use one of: {', '.join('studio:' + name for name in STUDIO_SCENES)}",
            )
        return scene
    file = folder / scene
    if not file.is_file():
        raise InputError("campaign.scene", f"there is no file {scene!r}", "give a path from the campaign file's folder")
    return str(file)


def _file_name(name: str) -> str:
    if slug(name) != name:
        raise InputError("campaign.value", f"{name!r} is no name for a shot", "use lower-case letters, digits, hyphens")
    return name


def _at_least_one(number: int) -> int:
    if number < 1:
        raise InputError("campaign.value", f"{number} is less than 1", "write a number of 1 or more")
    return number


def _days(number: int) -> int:
    if not 0 <= number <= _LONGEST:
        raise InputError("campaign.value", f"{number} is no number of days", f"write a number from 0 to {_LONGEST}")
    return number


def _days_of_term(number: int) -> int:
    return _days(_at_least_one(number))


def _percent(number: float) -> Fraction:
    if not 0 <= number <= 1000:
        raise InputError("campaign.value", f"{number} is no percentage", "write a number of 0 or more")
    return Fraction(str(number))


def _territory(code: str) -> str:
    if not is_territory(code):
        raise InputError("campaign.value", f"{code!r} is no territory", 'write an ISO 3166 code like "SE" or "US-NY"')
    return code


def _digest(beginning: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{12,64}", beginning):
        remedy = "write the first 12 or more digits of the consent's SHA-256, as its paper shows them"
        raise InputError("campaign.value", f"{beginning!r} is no beginning of a digest", remedy)
    return beginning


def _language(code: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", code):
        raise InputError("campaign.value", f"{code!r} is no language", 'write a code like "en" or "sv"')
    # Not above: typesetting comes along with the languages, and commands that write no papers needn't wait for it.
    from .documents.wording import languages, speaks

    if not speaks(code):
        known = ", ".join(f'"{one}"' for one in languages())
        raise InputError("campaign.value", f"papers can't be put before her in {code!r}", f"use one of: {known}")
    return code
