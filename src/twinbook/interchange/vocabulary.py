"""The terms of a policy: those of ODRL that Twinbook uses, and its own profile's.

ODRL Information Model 2.2 and ODRL Vocabulary & Expression 2.2 (W3C Recommendations, 2018-02-15). A processor that meets
a term it doesn't know must not go on as if it weren't there (Information Model, section 3), so neither do we.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from urllib.parse import quote, unquote

from twinbook.domain.money import Money

from .strict_json import shown, under, unsupported

ODRL_CONTEXT = "http://www.w3.org/ns/odrl.jsonld"
PROFILE = "https://w3id.org/twinbook/odrl/1#"

PAPER = "urn:sha256:"
TERRITORY = "twb:territory/"
CURRENCY = "http://publications.europa.eu/resource/authority/currency/"

POLICIES = frozenset({"Set", "Offer", "Agreement"})
_CLASSES = frozenset({"Party", "vcard:Individual", "vcard:Organization", "twb:Talent", "twb:Brand", "twb:Agency"})
PARTS = {
    "capture": "twb:capture",
    "template": "twb:template",
    "train": "twb:train",
    "generate": "derive",
    "monitor": "twb:monitor",
}
SHOWING = ("display", "distribute", "reproduce")
_ACTIONS = frozenset(
    {
        *PARTS.values(),
        *SHOWING,
        *("use", "grantUse", "compensate", "watermark", "ensureExclusivity", "obtainConsent"),
        *("twb:label", "twb:process", "twb:trainModels"),
    }
)
_OPERANDS = frozenset(
    {
        *("dateTime", "spatial", "count", "payAmount", "unitOfCount", "purpose", "recipient"),
        *("twb:channel", "twb:category", "twb:context", "twb:edit", "twb:competitor", "twb:imagesPerMonth"),
        *("twb:concurrentLicenses", "twb:daysSinceSignature", "twb:daysSinceRelease", "twb:dayRatePercent"),
        "twb:approval",
    }
)
_OPERATORS = frozenset({"eq", "gteq", "lteq", "isAnyOf", "isNoneOf"})
_DATATYPES = frozenset({"xsd:date", "xsd:decimal"})
_MEMBERS = frozenset(
    {
        *("@context", "@id", "@list", "@type", "@value", "action", "assignee", "assigner", "compensatedParty"),
        *("compensatingParty", "conflict", "consentingParty", "constraint", "dct:language", "dct:replaces", "duty"),
        *("leftOperand", "obligation", "operator", "output", "permission", "profile", "prohibition", "rdf:value"),
        *("refinement", "rightOperand", "target", "uid", "unit", "vcard:bday", "vcard:fn"),
        *("twb:advisedBy", "twb:amount", "twb:basedIn", "twb:consent", "twb:dayRate", "twb:document", "twb:estate"),
        *("twb:mandate", "twb:name", "twb:noEnd", "twb:noticeDays", "twb:party", "twb:percent", "twb:postMortem"),
        *("twb:powerOfAttorney", "twb:renewal", "twb:replacesInPerson", "twb:representation", "twb:role", "twb:share"),
        *("twb:limit", "twb:measure", "twb:termDays", "twb:tolerance", "twb:uses"),
    }
)
# Members whose values are terms, and which terms those may be.
_TERMS = {
    "action": _ACTIONS,
    "leftOperand": _OPERANDS,
    "operator": _OPERATORS,
    "conflict": frozenset({"prohibit"}),
    "profile": frozenset({PROFILE}),
    "@type": POLICIES | _CLASSES | _DATATYPES,
}
_ONE = ("assigner", "assignee", "target", "output", "compensatedParty", "compensatingParty", "consentingParty")


def context() -> list[object]:
    """The ``@context`` of every policy, and the only one that is understood. A new one each time: nobody shares it."""
    return [ODRL_CONTEXT, {"twb": PROFILE}]


def known(value: object, path: str = "$") -> None:
    """Raises InputError ``interchange.unsupported`` for members and terms that aren't ours to understand."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            known(item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        place = under(path, name)
        if name == "@context":
            if inner != context() or path != "$":
                raise unsupported(place, "not the context that is known here; no other is ever fetched")
            continue
        if name not in _MEMBERS:
            raise unsupported(place, "a member that is not understood")
        if name in _ONE and isinstance(inner, list):
            raise unsupported(place, "several of them in one rule")
        for term in inner if isinstance(inner, list) else [inner]:
            if name in _TERMS and isinstance(term, str) and term not in _TERMS[name]:
                raise unsupported(place, f"{shown(term)} is not understood here")
        if name == "rdf:value" and inner != {"@id": "odrl:compensate"}:
            raise unsupported(place, "no action that is refined here")
        known(inner, place)


# --- values, written and read -----------------------------------------------------------------------------------


def named(kind: str, text: str) -> str:
    """A URN for somebody or something that only a home's own ids name."""
    return f"urn:twinbook:{kind}:{quote(text, safe='')}"


def name_in(iri: object, prefix: str) -> str:
    """What was quoted into an IRI. Raises ValueError for one that isn't written as we write it."""
    if not isinstance(iri, str) or not iri.startswith(prefix):
        raise ValueError(f"{shown(iri)} does not begin with {prefix}")
    text = unquote(iri.removeprefix(prefix), errors="strict")
    if prefix + quote(text, safe="") != iri:
        raise ValueError(f"{shown(iri)} is not in its usual form")
    return text


def paper(digest: str) -> str:
    return PAPER + quote(digest, safe="")


def place(code: str) -> dict[str, object]:
    """A territory: odrl:spatial takes an IRI."""
    return ref(TERRITORY + quote(code, safe=""))


def ref(iri: str) -> dict[str, object]:
    return {"@id": iri}


def day(value: date) -> dict[str, object]:
    """Days are UTC days, and an xsd:date can say so."""
    return {"@value": f"{value.isoformat()}Z", "@type": "xsd:date"}


def day_in(value: dict) -> str:
    text = value["@value"]
    if not text.endswith("Z"):
        raise ValueError(f"{shown(text)} doesn't say that it is a day in UTC")
    return text[:-1]


def amount(money: Money) -> tuple[dict[str, object], dict[str, object]]:
    """An amount and its unit. The currencies' IRIs are the EU Publications Office's, made of ISO 4217 codes."""
    number, currency = str(money).split(" ")
    return {"@value": number, "@type": "xsd:decimal"}, ref(CURRENCY + currency)


def amount_in(value: dict, unit: dict) -> str:
    return f"{value['@value']} {name_in(unit['@id'], CURRENCY)}"


def items(values: Iterable[object]) -> object:
    """The right operand of a set-based operator. An empty array would be no right operand at all in RDF."""
    found = list(values)
    return found or {"@list": []}


def items_in(value: object) -> list:
    if value == {"@list": []}:
        return []
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def constraint(left: str, operator: str, right: object, unit: object = None) -> dict[str, object]:
    found = {"leftOperand": left, "operator": operator, "rightOperand": right}
    return found | ({"unit": unit} if unit else {})
