"""Read a campaign file: TOML in, a `Campaign` out, or every fault at once with its line, key and remedy."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from ..domain.brief import FORMATS
from ..domain.campaign import Campaign, CastTalent, ConsentTerms, Exclusive, LicenseTerms, Named
from ..domain.consent import USUAL_EDITS, Approval, Edit, Part, PostMortem
from ..domain.errors import CampaignError, CampaignFault, InputError, reason
from ..domain.fidelity import Owner
from ..domain.gate import ADULT
from ..domain.license import Split
from ..domain.money import Money
from ..domain.party import Party, Role, age
from ..domain.spelling import plain
from ..domain.synthetic import description_faults
from ..domain.territory import is_territory
from .shot import read_shot, read_tolerances
from .table import Section, dotted, lines
from .values import (
    a_digest,
    a_language,
    a_percent,
    a_territory,
    at_least_one,
    days_of_term,
    is_id,
    shown_name,
    slug,
    some_days,
)

__all__ = ["dotted", "lines", "read_campaign", "slug"]

_CHANNELS = tuple(sorted({shape.channel for shape in FORMATS.values()}))


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
    campaign = _campaign(Section(data, (), lines(text), faults), file, today, agreed)
    if faults:
        raise CampaignError(str(file), sorted(faults, key=lambda fault: fault.line))
    return campaign


def _syntax_fault(error: tomllib.TOMLDecodeError, text: str) -> CampaignFault:
    found = str(error)
    named = re.search(r"\(at line (\d+),", found)
    line = int(named[1]) if named else text.count("\n") + 1
    return CampaignFault(line, "file", reason("campaign.syntax", found.split(" (at ")[0]))


def _campaign(top: Section, file: Path, today: date, agreed: bool) -> Campaign | None:
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
    shots = [read_shot(section, number, ids, file.parent) for number, section in enumerate(top.tables("shot"), 1)]
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


def _named(top: Section, section: Section, agreed: bool) -> tuple[Named, ...]:
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


def _check_day_rate(top: Section, talent: CastTalent, consent: ConsentTerms) -> None:
    rate, percent = talent.day_rate, consent.terms["min_fee_percent"]
    if percent and rate is None:
        diagnosis = f"min_fee_percent is of a day rate, and {talent.party.name} has none"
        top.fault("campaign.missing_key", diagnosis, 'add: day_rate = "1800 EUR"', "talent")
    elif percent and rate.currency != consent.terms["min_fee"].currency:
        top.fault("money.currencies", "day rate and minimum fee are in two currencies", key="talent")


def _talent(section: Section, today: date) -> CastTalent | None:
    talent_id = section.get("id", str, '"mira"')
    name = section.get("name", str, '"Mira Holm"')
    born = section.get("born", date, "1998-03-14")
    photos = section.get("photos", str, '"photos/mira"')
    agency = section.get("agency", str, '"Nordlight"', default="", check=shown_name)
    day_rate = section.get("day_rate", str, '"1800 EUR"', default=None, check=Money.parse)
    synthetic = section.get("synthetic", bool, "false", default=False)
    description = section.get("description", str, '"a woman of 31 with freckles"', default="")
    based_in = section.get("based_in", str, '"SE"', default="", check=a_territory)
    language = section.get("language", str, '"en"', default="en", check=a_language)
    replaces = section.get("replaces", str, '"3f9a1c0b77d2"', default="", check=a_digest)
    measures = section.table("measurements", needed=False)
    measurements = measures.rest() if measures else {}
    for key, value in measurements.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 300:
            measures.fault("campaign.value", f"{value!r} is not a measure", f"write centimetres: {key} = 82", key)
    section.done()
    if talent_id and not is_id(talent_id):
        section.fault("campaign.value", f"{talent_id!r} is no id", "use lower-case letters, digits, hyphens", "id")
        return None
    if born and age(born, today) < ADULT:
        section.fault("talent.minor", f"{name} is under {ADULT}", key="born")
        return None
    if description and not synthetic:
        remedy = "leave it out, or write: synthetic = true"
        section.fault("campaign.value", "only somebody synthetic is described", remedy, "description")
    for why in description_faults(description) if description and synthetic else ():
        section.fault(why.code, why.diagnosis, why.remedy, "description")
    if None in (talent_id, name, born, photos, based_in, language, replaces, description):
        return None
    party = Party(talent_id, Role.TALENT, name, born)
    agent = Party(slug(agency), Role.AGENCY, agency) if agency else None
    return CastTalent(
        party, photos, agent, day_rate, synthetic, measurements, based_in, language, replaces, description
    )


def _consent(section: Section) -> ConsentTerms | None:
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
        "min_fee_percent": section.get("min_fee_percent", (int, float), "20", default=Fraction(0), check=a_percent),
        "max_images_per_month": section.get("max_images_per_month", int, "40", check=at_least_one),
        "cooling_off_days": section.get("cooling_off_days", int, "7", default=0, check=some_days),
        "reconsent_days": section.get("reconsent_days", int, "365", default=730, check=at_least_one),
        "approval": _approval(section),
        "tolerances": read_tolerances(section, Owner.TALENT),
    }
    brands = section.get("max_brands", int, "3", default=None, check=at_least_one)
    estate = section.get("estate", str, '"Holm family"', default="", check=shown_name)
    section.done()
    if None in terms.values():
        return None
    after = PostMortem.ESTATE if estate else PostMortem.ENDS
    return ConsentTerms(terms | {"max_brands": brands, "post_mortem": after, "estate": slug(estate) if estate else ""})


def _approval(section: Section) -> Approval | None:
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


def _license(section: Section) -> LicenseTerms | None:
    brand = section.get("brand", str, '"Tvaton"', check=shown_name)
    terms = {
        "category": section.get("category", str, '"fast fashion"', check=plain),
        "uses": section.get("uses", str, '"autumn lookbook: ten studio images"', default=""),
        "fee": section.get("fee_per_image", str, '"450 EUR"', check=Money.parse),
        "channels": frozenset(section.words("channels", '["instagram", "web"]', allowed=_CHANNELS)),
        "territories": _territories(section),
        "term_days": section.get("term_days", int, "90", check=days_of_term),
        "payment_days": section.get("payment_days", int, "30", default=30, check=some_days),
        "wind_down_days": section.get("wind_down_days", int, "30", default=0, check=some_days),
        "replaces_in_person": section.get("replaces_in_person", bool, "false", default=False),
        "advised_by": section.get("advised_by", str, '"SAG-AFTRA"', default=""),
        "trains_models": section.get("trains_models", bool, "false", default=False),
        "sublicensees": _brands(section, "sublicensees", '["Tvaton Home"]'),
        "vendors": frozenset(section.words("vendors", '["Rendering house"]', default=[])),
        "split": _split(section.table("split", needed=False)),
    }
    images = section.get("max_images", int, "20", default=None, check=at_least_one)
    exclusive = _exclusive(section.table("exclusive", needed=False))
    section.done()
    if brand is None or None in terms.values():
        return None
    return LicenseTerms(Party(slug(brand), Role.BRAND, brand), terms | {"max_images": images}, exclusive)


def _exclusive(section: Section | None) -> Exclusive | None:
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


def _brands(section: Section, key: str, example: str) -> frozenset[str]:
    """The ids of brands that are written by name."""
    found = []
    for index, name in enumerate(section.words(key, example, default=[])):
        try:
            found.append(slug(name))
        except InputError as error:
            section.fault(error.code, error.diagnosis, error.remedy, key, index)
    return frozenset(found)


def _choices(section: Section, key: str, kind: type[StrEnum], example: str, default: object = ...) -> frozenset:
    if default is not ... and not section.has(key):
        section.words(key, example, default=[])
        return default
    words = section.words(key, example, allowed=tuple(kind))
    return frozenset(kind(word) for word in words if word in tuple(kind))


def _territories(section: Section, default: object = ...) -> frozenset[str]:
    found = section.words("territories", '["SE", "US-NY"]', default=default)
    for index, code in enumerate(found):
        if not is_territory(code):
            hint = 'write ISO 3166 codes like "SE" or "US-NY", "EU", or "WORLD"'
            section.fault("campaign.value", f"{code!r} is no territory", hint, "territories", index)
    return frozenset(found)


def _split(section: Section | None) -> Split | None:
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
