"""Consents and licenses as ODRL 2.2 policies, and back.

A license that both sides signed is an Agreement: it grants its rules from assigner to assignee (ODRL Information Model,
section 2.1.3). Her consent is an Offer, which "does not grant any Rules" (2.1.2): nobody may do anything under a consent
until a license rests on it. Terms that nobody is bound by are a Set. A policy carries no signature: it is what terms say,
not that anyone signed them.

Every member of a form stands somewhere in the policy, and reading proves it: the terms that were found are written again
and must give the policy that was read, whatever the order of its members and lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from twinbook.domain.canonical import digest
from twinbook.domain.consent import Approval, Consent, Part, Person, Talent
from twinbook.domain.errors import InputError
from twinbook.domain.form import Form, read_terms
from twinbook.domain.license import License
from twinbook.domain.money import Money
from twinbook.domain.party import PaperKind

from . import vocabulary as v
from .strict_json import difference, malformed, shown, standing_at, unsupported, whole
from .vocabulary import constraint

_BOUND = {PaperKind.LICENSE: "Agreement", PaperKind.CONSENT: "Offer"}
_PART_OF = {action: part for part, action in v.PARTS.items()}

# --- writing ----------------------------------------------------------------------------------------------------


def policy(terms: Form, bound: bool = False) -> dict[str, object]:
    """The policy of a consent or a license. ``bound`` says that everybody signed who must.

    Raises InputError ``interchange.unsupported`` for any other paper.
    """
    if not isinstance(terms, License | Consent):
        raise unsupported("$", "only consents and licenses have a policy")
    try:
        uid = v.PAPER + digest(terms.document())
        body = _license(terms, uid) if isinstance(terms, License) else _consent(terms, uid)
    except ValueError as error:
        raise unsupported("$", f"these terms have no canonical form: {error}") from error
    head = {
        "@context": v.context(),
        "@type": _BOUND[terms.KIND] if bound else "Set",
        "uid": uid,
        "profile": v.PROFILE,
        "conflict": "prohibit",
        "twb:document": terms.KIND.value,
        "dct:language": terms.language,
    }
    return {name: value for name, value in (head | body).items() if value not in (None, "", [])}


def _license(terms: License, uid: str) -> dict[str, object]:
    talent, brand = v.named("talent", terms.talent.id), v.named("brand", terms.brand.id)
    twin, images = v.named("twin", terms.talent.id), f"{uid}#images"
    sides = {"assigner": talent, "assignee": brand}
    during = [constraint("dateTime", "gteq", v.day(terms.starts))]
    if terms.ends:
        during.append(constraint("dateTime", "lteq", v.day(terms.ends)))
    during += [constraint("twb:category", "eq", terms.category)] if terms.category else []
    most = [constraint("count", "lteq", terms.max_images)] if terms.max_images is not None else []
    making = {"action": "derive", "target": twin, "output": images, **sides, "constraint": [*during, *most]}
    showing = {"action": list(v.SHOWING), "target": images, **sides, "constraint": [*during, *_shown_in(terms)]}
    showing["duty"] = [{"action": "watermark"}, {"action": "twb:label"}]
    paying = {
        "action": [{"rdf:value": v.ref("odrl:compensate"), "refinement": [_pay("eq", terms.fee)]}],
        "target": images,
        **sides,
        "compensatingParty": brand,
        "compensatedParty": talent,
        "constraint": [
            constraint("unitOfCount", "eq", v.ref("twb:image")),
            constraint("twb:daysSinceRelease", "lteq", terms.payment_days),
        ],
        "twb:share": [
            {"twb:role": "agency", "twb:percent": str(terms.split.agency)},
            *(
                {"twb:role": "crew", "twb:name": name, "twb:percent": str(share)}
                for name, share in sorted(terms.split.crew.items())
            ),
        ],
    }
    may_use, may_not_use = _third_parties("grantUse", images, sides, terms.sublicensees)
    may_process, may_not_process = _third_parties("twb:process", twin, sides, terms.vendors)
    training = [{"action": "twb:trainModels", "target": images, **sides}]
    return {
        "twb:consent": v.ref(v.paper(terms.consent)),
        **({"twb:noEnd": True} if terms.term_days is None else {"twb:termDays": terms.term_days}),
        "twb:uses": terms.uses,
        "twb:renewal": terms.renewal.value,
        "twb:noticeDays": terms.wind_down_days,
        "twb:replacesInPerson": terms.replaces_in_person,
        "twb:advisedBy": terms.advised_by,
        "twb:mandate": v.ref(v.paper(terms.mandate)) if terms.mandate else None,
        "twb:estate": v.ref(v.named("estate", terms.estate)) if terms.estate else None,
        "twb:party": _parties(terms.talent, terms.agency, terms.brand),
        "permission": [making, showing, *may_use, *may_process, *(training if terms.trains_models else [])],
        "prohibition": [may_not_use, may_not_process, *([] if terms.trains_models else training)],
        "obligation": [paying, *_exclusive(terms, twin, talent, brand)],
    }


def _third_parties(action: str, target: str, sides: Mapping, names: frozenset[str]) -> tuple[list[dict], dict]:
    """Nobody may but those she named: with conflicts resolved as prohibited, the prohibition must leave them out."""
    rule = {"action": action, "target": target, **sides}
    if not names:
        return [], rule
    may = rule | {"constraint": [constraint("recipient", "isAnyOf", sorted(names))]}
    return [may], rule | {"constraint": [constraint("recipient", "isNoneOf", sorted(names))]}


def _exclusive(terms: License, twin: str, talent: str, brand: str) -> list[dict]:
    """She is who ensures it, so she is the assignee of this duty (note on odrl:ensureExclusivity)."""
    sold = terms.exclusive
    if sold is None:
        return []
    limits = [
        constraint("dateTime", "gteq", v.day(sold.starts)),
        constraint("dateTime", "lteq", v.day(sold.ends)),
    ]
    limits += [constraint("twb:category", "eq", sold.category)] if sold.category else []
    limits += [constraint("twb:channel", "isAnyOf", sorted(sold.channels))] if sold.channels else []
    limits += [constraint("spatial", "isAnyOf", _places(sold.territories))] if sold.territories else []
    brands = [v.ref(v.named("brand", name)) for name in sorted(sold.competitors)]
    limits += [constraint("twb:competitor", "isAnyOf", brands)] if brands else []
    rule = {"action": "ensureExclusivity", "target": twin, "assigner": brand, "assignee": talent}
    return [rule | {"constraint": limits}]


def _consent(terms: Consent, uid: str) -> dict[str, object]:
    talent, twin, images = v.named("talent", terms.talent.id), v.named("twin", terms.talent.id), f"{uid}#images"
    hers = {"assigner": talent}
    during = [constraint("dateTime", "gteq", v.day(terms.starts))]
    during += [constraint("dateTime", "lteq", v.day(terms.until))] if terms.until else []
    during += [
        constraint("purpose", "eq", terms.purpose),
        constraint("twb:daysSinceSignature", "gteq", terms.cooling_off_days),
        constraint("twb:daysSinceSignature", "lteq", terms.reconsent_days),
    ]
    given = []
    for part in sorted(terms.parts):
        made = {"output": images} if part is Part.GENERATE else {}
        given.append({"action": v.PARTS[part], "target": twin, **made, **hers, "constraint": during})
    limits = [
        *during,
        *_shown_in(terms),
        constraint("twb:edit", "isAnyOf", v.items(sorted(edit.value for edit in terms.edits))),
        constraint("twb:imagesPerMonth", "lteq", terms.max_images_per_month),
    ]
    if terms.max_brands is not None:
        limits.append(constraint("twb:concurrentLicenses", "lteq", terms.max_brands))
    duties = [{"action": "watermark"}, {"action": "twb:label"}]
    if terms.approval is not Approval.NONE:
        asked = constraint("twb:approval", "eq", terms.approval.value)
        duties.append({"action": "obtainConsent", "consentingParty": talent, "constraint": [asked]})
    showing = {"action": list(v.SHOWING), "target": images, **hers, "constraint": limits, "duty": duties}
    forbidden = [{"action": v.PARTS[part], "target": twin, **hers} for part in sorted(set(Part) - terms.parts)]
    if terms.never:
        never = [constraint("twb:context", "isAnyOf", sorted(terms.never))]
        forbidden += [{"action": "use", "target": what, **hers, "constraint": never} for what in (twin, images)]
    share = constraint("twb:dayRatePercent", "gteq", str(terms.min_fee_percent))
    paying = {
        "action": [{"rdf:value": v.ref("odrl:compensate"), "refinement": [_pay("gteq", terms.min_fee), share]}],
        "target": images,
        **hers,
        "compensatedParty": talent,
        "constraint": [constraint("unitOfCount", "eq", v.ref("twb:image"))],
    }
    rate = dict(zip(("twb:amount", "unit"), v.amount(terms.day_rate), strict=True)) if terms.day_rate else None
    return {
        **({} if terms.until else {"twb:noEnd": True}),
        "twb:uses": terms.uses,
        "twb:dayRate": rate,
        "twb:postMortem": terms.post_mortem.value,
        "twb:estate": v.ref(v.named("estate", terms.estate)) if terms.estate else None,
        "twb:basedIn": v.place(terms.based_in) if terms.based_in else None,
        "twb:representation": terms.representation.value,
        "twb:powerOfAttorney": terms.power_of_attorney,
        "twb:tolerance": v.items(
            {"twb:measure": name, "twb:limit": str(most)} for name, most in sorted(terms.tolerances.items())
        ),
        "dct:replaces": v.ref(v.paper(terms.replaces)) if terms.replaces else None,
        "twb:party": _parties(terms.talent, terms.agency),
        "permission": [*given, showing],
        "prohibition": forbidden,
        "obligation": [paying],
    }


def _pay(operator: str, money: Money) -> dict[str, object]:
    return constraint("payAmount", operator, *v.amount(money))


def _shown_in(terms: License | Consent) -> list[dict]:
    return [
        constraint("twb:channel", "isAnyOf", v.items(sorted(terms.channels))),
        constraint("spatial", "isAnyOf", v.items(_places(terms.territories))),
    ]


def _places(codes: frozenset[str]) -> list[dict]:
    return [v.place(code) for code in sorted(codes)]


def _parties(talent: Person | Talent, agency: Person | None, brand: Person | None = None) -> list[dict]:
    """Names in vCard's terms, as the Information Model does it (its example 9)."""
    born = {"vcard:bday": v.day(talent.born)} if isinstance(talent, Talent) else {}
    found = [_party("Talent", "vcard:Individual", talent) | born]
    found += [_party("Agency", "vcard:Organization", agency)] if agency else []
    found += [_party("Brand", "vcard:Organization", brand)] if brand else []
    return found


def _party(kind: str, sort: str, who: Person | Talent) -> dict[str, object]:
    return {"@type": ["Party", f"twb:{kind}", sort], "uid": v.named(kind.lower(), who.id), "vcard:fn": who.name}


# --- reading ----------------------------------------------------------------------------------------------------


def read_policy(given: object) -> License | Consent:
    """The terms that a policy states: unsigned, whatever it calls itself.

    Raises InputError ``interchange.unsupported`` for what this profile doesn't say, ``interchange.malformed`` for what
    `policy` could not have written. A perpetual license is read as what it is; the gate refuses it.
    """
    whole(given)
    v.known(given)
    if not isinstance(given, dict):
        raise malformed("$", "not a policy: a JSON object is")
    if given.get("@context") != v.context():
        raise unsupported("$['@context']", "not the context that is known here; no other is ever fetched")
    if given.get("profile") != v.PROFILE:
        raise unsupported("$.profile", f"not a policy of the profile {v.PROFILE}")
    kinds = {PaperKind.LICENSE.value: _read_license, PaperKind.CONSENT.value: _read_consent}
    named = given.get("twb:document")
    if not isinstance(named, str) or named not in kinds:
        raise unsupported("$['twb:document']", f"{shown(named)} is neither a license nor a consent")
    found = kinds[named](_Given(given))
    try:
        terms = read_terms({"type": named, **found})
    except InputError as error:
        raise malformed("$", error.diagnosis) from error
    if given.get("@type") not in ("Set", _BOUND[terms.KIND]):
        raise malformed("$['@type']", f"such terms are an {_BOUND[terms.KIND]}, or a Set when nobody is bound by them")
    differs = difference(given, policy(terms, bound=given["@type"] != "Set"))
    if differs:
        raise malformed(*differs)
    return terms


class _Given:
    """A policy as somebody wrote it, and where to find things in it. Looks only: what else is there is for `difference`."""

    def __init__(self, body: dict) -> None:
        self.body = body

    def member(self, name: str, default: object = None) -> object:
        if name not in self.body and default is None:
            raise malformed(f"$['{name}']", "is missing")
        return self.body.get(name, default)

    def name(self, name: str, prefix: str) -> str:
        """What an IRI names; empty when it isn't there."""
        if name not in self.body:
            return ""
        with standing_at(f"$['{name}']"):
            return v.name_in(self.body[name]["@id"], prefix)

    def rules(self, kind: str) -> Iterator[tuple[str, dict, list]]:
        """Each rule with its path and its actions."""
        with standing_at(f"$.{kind}"):
            for index, rule in enumerate(v.items_in(self.body.get(kind, []))):
                path, actions = f"$.{kind}[{index}]", rule.get("action")
                yield path, rule, actions if isinstance(actions, list) else [actions]

    def rule(self, kind: str, action: str) -> tuple[str, dict] | None:
        """The first rule about an action, plain or refined."""
        for path, rule, actions in self.rules(kind):
            refined = {"@id": f"odrl:{action}"}
            if any(one == action or (isinstance(one, dict) and one.get("rdf:value") == refined) for one in actions):
                return path, rule
        return None

    def must(self, kind: str, action: str) -> tuple[str, dict]:
        found = self.rule(kind, action)
        if found is None:
            raise malformed(f"$.{kind}", f"no rule about {action}")
        return found

    def person(self, kind: str) -> dict | None:
        with standing_at("$['twb:party']"):
            for party in v.items_in(self.member("twb:party")):
                if f"twb:{kind}" in party["@type"]:
                    born = {"born": v.day_in(party["vcard:bday"])} if "vcard:bday" in party else {}
                    return {"id": v.name_in(party["uid"], v.named(kind.lower(), "")), "name": party["vcard:fn"], **born}
        return None

    def who(self, kind: str) -> dict:
        found = self.person(kind)
        if found is None:
            raise malformed("$['twb:party']", f"no {kind.lower()} among them")
        return found


def _operand(found: tuple[str, dict] | None, left: str, operator: str) -> object:
    """The right operand of the first such constraint; None when there is none."""
    if found is None:
        return None
    path, rule = found
    with standing_at(f"{path}.constraint"):
        for one in v.items_in(rule.get("constraint", [])):
            if (one["leftOperand"], one["operator"]) == (left, operator):
                return one["rightOperand"]
    return None


def _list(found: tuple[str, dict] | None, left: str, operator: str = "isAnyOf", prefix: str = "") -> list:
    """A set of words, sorted as documents have it; of the names in IRIs when there is a prefix."""
    value = _operand(found, left, operator)
    if found is None or value is None:
        return []
    with standing_at(f"{found[0]}.constraint[{left}]"):
        words = [v.name_in(one["@id"], prefix) if prefix else one for one in v.items_in(value)]
        return sorted(words)


def _day(found: tuple[str, dict], operator: str) -> str:
    with standing_at(f"{found[0]}.constraint[dateTime {operator}]"):
        return v.day_in(_operand(found, "dateTime", operator))


def _fee(found: tuple[str, dict]) -> str:
    path, rule = found
    with standing_at(f"{path}.action[0].refinement"):
        (pay,) = (one for one in rule["action"][0]["refinement"] if one["leftOperand"] == "payAmount")
        return v.amount_in(pay["rightOperand"], pay["unit"])


def _percent(found: tuple[str, dict]) -> object:
    path, rule = found
    with standing_at(f"{path}.action[0].refinement"):
        (share,) = (one for one in rule["action"][0]["refinement"] if one["leftOperand"] == "twb:dayRatePercent")
        return share["rightOperand"]


def _read_license(given: _Given) -> dict[str, object]:
    paying, showing = given.must("obligation", "compensate"), given.must("permission", "display")
    if "twb:termDays" not in given.body and "twb:noEnd" not in given.body:
        raise malformed("$['twb:termDays']", "is missing: a license without an end must say so, with twb:noEnd")
    return {
        "talent": given.who("Talent"),
        "brand": given.who("Brand"),
        "agency": given.person("Agency"),
        "consent": given.name("twb:consent", v.PAPER),
        "category": _operand(showing, "twb:category", "eq") or "",
        "fee": _fee(paying),
        "channels": _list(showing, "twb:channel"),
        "territories": _list(showing, "spatial", prefix=v.TERRITORY),
        "starts": _day(showing, "gteq"),
        "term_days": given.body.get("twb:termDays"),
        "split": _split(paying),
        "uses": given.member("twb:uses", ""),
        "exclusive": _read_exclusive(given.rule("obligation", "ensureExclusivity")),
        "max_images": _operand(given.must("permission", "derive"), "count", "lteq"),
        "renewal": given.member("twb:renewal"),
        "wind_down_days": given.member("twb:noticeDays"),
        "payment_days": _operand(paying, "twb:daysSinceRelease", "lteq"),
        "replaces_in_person": given.member("twb:replacesInPerson"),
        "advised_by": given.member("twb:advisedBy", ""),
        "trains_models": given.rule("permission", "twb:trainModels") is not None,
        "sublicensees": _list(given.rule("permission", "grantUse"), "recipient"),
        "vendors": _list(given.rule("permission", "twb:process"), "recipient"),
        "language": given.member("dct:language", ""),
        "mandate": given.name("twb:mandate", v.PAPER),
        "estate": given.name("twb:estate", v.named("estate", "")),
    }


def _split(paying: tuple[str, dict]) -> dict[str, object]:
    path, rule = paying
    with standing_at(f"{path}['twb:share']"):
        shares = v.items_in(rule["twb:share"])
        agency = [one["twb:percent"] for one in shares if one["twb:role"] == "agency"]
        crew = {one["twb:name"]: one["twb:percent"] for one in shares if one["twb:role"] == "crew"}
        return {"agency": agency[0], "crew": crew}


def _read_exclusive(found: tuple[str, dict] | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "category": _operand(found, "twb:category", "eq") or "",
        "channels": _list(found, "twb:channel"),
        "territories": _list(found, "spatial", prefix=v.TERRITORY),
        "competitors": _list(found, "twb:competitor", prefix=v.named("brand", "")),
        "starts": _day(found, "gteq"),
        "ends": _day(found, "lteq"),
    }


def _read_consent(given: _Given) -> dict[str, object]:
    paying, showing = given.must("obligation", "compensate"), given.must("permission", "display")
    ends = _operand(showing, "dateTime", "lteq") is not None
    if not ends and "twb:noEnd" not in given.body:
        raise malformed(f"{showing[0]}.constraint", "no last day: a consent without an end must say so, with twb:noEnd")
    allowed = [action for _, _, actions in given.rules("permission") for action in actions if isinstance(action, str)]
    approval = next((duty for duty in _duties(showing) if duty[1].get("action") == "obtainConsent"), None)
    rate = given.body.get("twb:dayRate")
    with standing_at("$['twb:dayRate']"):
        rate = None if rate is None else v.amount_in(rate["twb:amount"], rate["unit"])
    return {
        "talent": given.who("Talent"),
        "agency": given.person("Agency"),
        "purpose": _operand(showing, "purpose", "eq"),
        "parts": sorted({_PART_OF[action] for action in allowed if action in _PART_OF}),
        "starts": _day(showing, "gteq"),
        "until": _day(showing, "lteq") if ends else None,
        "channels": _list(showing, "twb:channel"),
        "territories": _list(showing, "spatial", prefix=v.TERRITORY),
        "never": _list(given.rule("prohibition", "use"), "twb:context"),
        "min_fee": _fee(paying),
        "max_images_per_month": _operand(showing, "twb:imagesPerMonth", "lteq"),
        "uses": given.member("twb:uses", ""),
        "edits": _list(showing, "twb:edit"),
        "approval": _operand(approval, "twb:approval", "eq") or Approval.NONE.value,
        "max_brands": _operand(showing, "twb:concurrentLicenses", "lteq"),
        "day_rate": rate,
        "min_fee_percent": _percent(paying),
        "cooling_off_days": _operand(showing, "twb:daysSinceSignature", "gteq"),
        "reconsent_days": _operand(showing, "twb:daysSinceSignature", "lteq"),
        "post_mortem": given.member("twb:postMortem"),
        "estate": given.name("twb:estate", v.named("estate", "")),
        "based_in": given.name("twb:basedIn", v.TERRITORY),
        "language": given.member("dct:language", ""),
        "representation": given.member("twb:representation"),
        "power_of_attorney": given.member("twb:powerOfAttorney", ""),
        "replaces": given.name("dct:replaces", v.PAPER),
        "tolerances": _tolerances(given),
    }


def _tolerances(given: _Given) -> dict[str, object]:
    with standing_at("$['twb:tolerance']"):
        found = v.items_in(given.body["twb:tolerance"])
        made = {one["twb:measure"]: one["twb:limit"] for one in found}
        if len(made) != len(found):
            raise ValueError("a measure twice")
        return made


def _duties(found: tuple[str, dict]) -> list[tuple[str, dict]]:
    path, rule = found
    with standing_at(f"{path}.duty"):
        return [(f"{path}.duty[{index}]", dict(duty)) for index, duty in enumerate(v.items_in(rule["duty"]))]
