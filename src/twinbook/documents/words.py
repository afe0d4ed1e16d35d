"""What people sign, as sentences for the person who signs it, in her language.

Every member of the terms that has an effect is spoken of, and so is every absence that matters: nobody signs what isn't
said. Which sentences there are stands here; how they read stands in the languages of `wording`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..domain import royalty
from ..domain.access import Access
from ..domain.approval import Approved, Words
from ..domain.consent import Approval, Consent, Edit, Part, PostMortem
from ..domain.estate import Alive
from ..domain.fidelity import MEASURES, Owner
from ..domain.form import Form
from ..domain.keyring import KeyChange, KeyGrounds
from ..domain.license import Exclusivity, License, Renewal
from ..domain.mandate import Mandate
from ..domain.money import Money
from ..domain.negotiation import Proposal
from ..domain.revocation import Erasure, Revocation
from ..domain.royalty import Payee
from .wording import DEFAULT, Language, inline, language

ITEM = "  - "  # how a line begins that is an item of a list


def plain_words(terms: Form, code: str = DEFAULT) -> list[str]:
    """Every clause that binds, as sentences. A line that begins with two spaces and a dash is an item of a list.

    Terms of a kind without sentences of its own are listed member by member; a language that isn't there gives English.
    """
    speak = _SPEAKERS.get(type(terms))
    voice = _Voice(language(code))
    return speak(terms, voice) if speak else members(terms.document(), code)


def members(document: Mapping[str, object], code: str = DEFAULT) -> list[str]:
    """A document that nobody has sentences for, member by member."""
    spoken = language(code)
    return [inline(spoken.member(name, value)) for name, value in document.items()]


def _named(digest: str) -> str:
    """Another paper, by as much of its digest as stands at the foot of that paper."""
    return digest[:12]


class _Voice:
    """A language that says terms: whatever people wrote is put into its sentences on one line."""

    def __init__(self, spoken: Language) -> None:
        self.language = spoken

    def __call__(self, key: str, /, n: int | None = None, **slots: str) -> str:
        return self.language.say(key, n, **{name: inline(value) for name, value in slots.items()})

    def item(self, key: str, /, **slots: str) -> str:
        return ITEM + self(key, **slots)

    def named(self, names: Iterable[str]) -> str:
        return self.language.listed(sorted(names, key=str.casefold))

    def if_any(self, key: str, name: str, values: Iterable[str], listed: Callable[[Iterable[str]], str]) -> str:
        """The sentence that lists these, or the one that says that there are none: ``no_`` before its name."""
        if values:
            return self(key, **{name: listed(values)})
        section, _, own = key.rpartition(".")
        return self(f"{section}.no_{own}")

    def channels(self, channels: Iterable[str]) -> str:
        return self.language.words("channel", channels)

    def topics(self, topics: Iterable[str]) -> str:
        return self.language.words("topic", topics)

    def own_words(self, text: str) -> str:
        """What somebody wrote, as the end of a sentence."""
        text = text.strip()
        return text if text.endswith((".", "!", "?", "…")) else f"{text or self.language.listed(())}."


# --- consent ----------------------------------------------------------------------------------------------------


def _consent(terms: Consent, say: _Voice) -> list[str]:
    spoken = say.language
    lines = [
        say("consent.intro", name=terms.talent.name, id=terms.talent.id, born=spoken.day(terms.talent.born)),
        *(say.item(f"consent.part.{part}.{'given' if part in terms.parts else 'kept'}") for part in Part),
        say("consent.purpose", purpose=say.own_words(terms.purpose)),
        say("consent.uses", uses=say.own_words(terms.uses)) if terms.uses else say("consent.no_uses"),
        say("consent.edits"),
        *(say.item(f"consent.edit.{edit}.{'given' if edit in terms.edits else 'kept'}") for edit in Edit),
        _period("consent", terms, say) if terms.until else say("consent.perpetual", starts=spoken.day(terms.starts)),
        say.if_any("consent.channels", "channels", terms.channels, say.channels),
        say.if_any("consent.territories", "territories", terms.territories, spoken.places),
        say.if_any("consent.never", "never", terms.never, say.topics),
        *_consent_pay(terms, say),
        say("consent.images", terms.max_images_per_month),
        say("consent.any_brands") if terms.max_brands is None else say("consent.brands", terms.max_brands),
        say(f"consent.approval_{terms.approval}"),
        say("consent.words"),
        say("consent.cooling_off", terms.cooling_off_days) if terms.cooling_off_days else say("consent.no_cooling_off"),
        say("consent.reconsent", terms.reconsent_days),
        *_tolerances(terms, say),
        say("consent.withdraw"),
        _after_death(terms, say),
        say("consent.agency", agency=terms.agency.name, agency_id=terms.agency.id)
        if terms.agency
        else say("consent.no_agency"),
        say(f"consent.{terms.representation}"),
        say("consent.power_of_attorney", power_of_attorney=terms.power_of_attorney)
        if terms.power_of_attorney
        else say("consent.no_power_of_attorney"),
        say("consent.based_in", based_in=spoken.place(terms.based_in)) if terms.based_in else say("consent.not_based"),
        say("consent.language", language=spoken.tongue(terms.language)),
    ]
    return [*lines, say("consent.replaces", digest=_named(terms.replaces))] if terms.replaces else lines


def _period(section: str, terms: Consent | Mandate, say: _Voice) -> str:
    return say(f"{section}.period", starts=say.language.day(terms.starts), until=say.language.day(terms.until))


def _consent_pay(terms: Consent, say: _Voice) -> list[str]:
    spoken = say.language
    lines = [say("consent.min_fee", min_fee=spoken.money(terms.min_fee))]
    percent = spoken.percent(terms.min_fee_percent)
    if terms.day_rate is None:
        lines.append(say("consent.no_day_rate"))
        return [*lines, say("consent.percent_of_nothing", percent=percent)] if terms.min_fee_percent else lines
    lines.append(say("consent.day_rate", day_rate=spoken.money(terms.day_rate)))
    if not terms.min_fee_percent:
        return lines
    if terms.day_rate.currency != terms.min_fee.currency:  # no amount comes of it, so none is promised
        return [*lines, say("consent.percent_elsewhere", percent=percent)]
    return [*lines, say("consent.percent", percent=percent, floor=spoken.money(terms.floor()))]


def _tolerances(terms: Consent, say: _Voice) -> list[str]:
    if not terms.tolerances:
        return [say("consent.no_tolerances")]
    known = [name for name, measure in MEASURES.items() if measure.owner is Owner.TALENT]
    lines = [say("consent.tolerances")]
    for name, most in sorted(terms.tolerances.items()):
        limit = say.language.share(most)
        key = f"consent.tolerance.{name}" if name in known else "consent.tolerance.other"
        lines.append(say.item(key, limit=limit, **({} if name in known else {"name": name})))
    return lines


def _after_death(terms: Consent, say: _Voice) -> str:
    if terms.post_mortem is PostMortem.ESTATE:
        return say("consent.estate", estate=terms.estate) if terms.estate else say("consent.estate_missing")
    return say("consent.ends_with_estate", estate=terms.estate) if terms.estate else say("consent.ends")


# --- license ----------------------------------------------------------------------------------------------------


class _Licensing:
    """The clauses of a license, for the license itself and for its deal memo."""

    def __init__(self, terms: License, say: _Voice) -> None:
        self._terms, self._voice = terms, say
        self._names = {"talent": terms.talent.name, "brand": terms.brand.name}
        self._agency = terms.agency.name if terms.agency else ""

    def say(self, key: str, /, n: int | None = None, **slots: str) -> str:
        """A sentence in which talent and brand may be named."""
        return self._voice(key, n, **self._names, **slots)

    def agency(self) -> str:
        agency = self._terms.agency
        return (
            self.say("license.agency", agency=agency.name, agency_id=agency.id)
            if agency
            else self.say("license.no_agency")
        )

    def uses(self) -> str:
        text = self._terms.uses
        return self.say("license.uses", uses=self._voice.own_words(text)) if text else self.say("license.no_uses")

    def fee(self) -> str:
        return self.say("license.fee", fee=self.money(self._terms.fee))

    def money(self, amount: Money) -> str:
        return self._voice.language.money(amount)

    def shares(self) -> list[str]:
        """Who gets what of the fee, as it will be booked: the talent first, then the agency and the crew."""
        terms, spoken = self._terms, self._voice.language
        amounts = royalty.shares(terms)
        percents = {royalty.crew_account(name): (name, share) for name, share in sorted(terms.split.crew.items())}
        if terms.agency and terms.split.agency:
            percents = {royalty.agency_account(terms.agency.id): (self._agency, terms.split.agency), **percents}
        hers = 100 - sum(share for _, share in percents.values())
        percents = {royalty.talent_account(terms.talent.id): (terms.talent.name, hers), **percents}
        lines = [self.say("license.shares", fee=self.money(terms.fee))]
        for account, (name, share) in percents.items():
            percent, amount = spoken.percent(share), spoken.money(amounts[account])
            lines.append(self._voice.item("license.share", name=name, percent=percent, amount=amount))
        if terms.split.agency and not terms.agency:
            lines.append(self.say("license.no_agency_share", percent=spoken.percent(terms.split.agency)))
        return lines

    def commission(self) -> str:
        """What of each fee is the agency's."""
        terms, spoken = self._terms, self._voice.language
        if not terms.agency or not terms.split.agency:
            return self.say("memo.no_commission")
        amount = royalty.shares(terms)[royalty.agency_account(terms.agency.id)]
        return self.say("memo.commission", percent=spoken.percent(terms.split.agency), amount=spoken.money(amount))

    def payment(self) -> str:
        days = self._terms.payment_days
        return self.say("license.paid", days) if days else self.say("license.paid_at_once")

    def where(self) -> list[str]:
        terms, voice = self._terms, self._voice
        return [
            voice.if_any("license.channels", "channels", terms.channels, voice.channels),
            voice.if_any("license.territories", "territories", terms.territories, voice.language.places),
        ]

    def term(self) -> str:
        terms, spoken = self._terms, self._voice.language
        if terms.ends is None:
            return self.say("license.perpetual", starts=spoken.day(terms.starts))
        dates = {"starts": spoken.day(terms.starts), "ends": spoken.day(terms.ends)}
        return self.say("license.term", terms.term_days, **dates)

    def renewal(self) -> str:
        return self.say("license.no_renewal" if self._terms.renewal is Renewal.NONE else "license.renewal")

    def images(self) -> str:
        most = self._terms.max_images
        return self.say("license.any_number") if most is None else self.say("license.images", most)

    def exclusivity(self) -> list[str]:
        sold, voice = self._terms.exclusive, self._voice
        if sold is None:
            return [self.say("license.not_exclusive")]
        dates = {"starts": voice.language.day(sold.starts), "ends": voice.language.day(sold.ends)}
        return [self.say("license.exclusive", **dates), *self._sold(sold)]

    def _sold(self, sold: Exclusivity) -> list[str]:
        say = self._voice
        category, channels, territories, rivals = sold.category, sold.channels, sold.territories, sold.competitors
        return [
            say.item("license.exclusive_category", categories=say.topics([category]))
            if category
            else say.item("license.exclusive_any_category"),
            say.item("license.exclusive_channels", channels=say.channels(channels))
            if channels
            else say.item("license.exclusive_any_channel"),
            say.item("license.exclusive_territories", territories=say.language.places(territories))
            if territories
            else say.item("license.exclusive_any_territory"),
            say.item("license.exclusive_competitors", competitors=say.named(rivals))
            if rivals
            else say.item("license.exclusive_any_competitor"),
        ]

    def others(self) -> list[str]:
        """Who else may have to do with images and twin, and whether models may learn from them."""
        terms, named = self._terms, self._voice.named
        return [
            self.say("license.sublicensees", sublicensees=named(terms.sublicensees))
            if terms.sublicensees
            else self.say("license.no_sublicensees"),
            self.say("license.vendors", vendors=named(terms.vendors))
            if terms.vendors
            else self.say("license.no_vendors"),
            self.say("license.trains" if terms.trains_models else "license.no_training"),
        ]

    def in_person(self) -> list[str]:
        terms = self._terms
        return [
            self.say("license.replaces_in_person" if terms.replaces_in_person else "license.not_in_person"),
            self.say("license.advised_by", advised_by=terms.advised_by)
            if terms.advised_by
            else self.say("license.not_advised"),
        ]

    def ending(self) -> list[str]:
        days = self._terms.wind_down_days
        notice = self.say("license.wind_down", days) if days else self.say("license.no_wind_down")
        return [notice, self.say("license.breach")]

    def basis(self) -> list[str]:
        """What it rests on, and who accepts it for her."""
        terms, digest = self._terms, _named(self._terms.mandate)
        lines = [self.say("license.consent", digest=_named(terms.consent))]
        if terms.mandate and terms.agency:
            lines.append(self.say("license.mandate", agency=self._agency, digest=digest))
        elif terms.mandate:
            lines.append(self.say("license.mandate_alone", digest=digest))
        if terms.estate:
            lines.append(self.say("license.estate", estate=terms.estate))
        return lines if len(lines) > 1 else [*lines, self.say("license.accepted")]

    def language(self) -> str:
        return self.say("license.language", language=self._voice.language.tongue(self._terms.language))

    def ids(self) -> dict[str, str]:
        return {"talent_id": self._terms.talent.id, "brand_id": self._terms.brand.id}

    def category(self) -> str:
        return self._voice.topics([self._terms.category])


def _license(terms: License, say: _Voice) -> list[str]:
    clauses = _Licensing(terms, say)
    return [
        clauses.say("license.intro", category=clauses.category(), **clauses.ids()),
        clauses.uses(),
        clauses.agency(),
        clauses.fee(),
        *clauses.shares(),
        clauses.payment(),
        *clauses.where(),
        clauses.term(),
        clauses.renewal(),
        clauses.images(),
        *clauses.exclusivity(),
        *clauses.others(),
        *clauses.in_person(),
        *clauses.ending(),
        clauses.say("license.marks"),
        *clauses.basis(),
        clauses.language(),
    ]


def deal_memo(terms: License, code: str = DEFAULT) -> list[tuple[str, list[str]]]:
    """A license as a deal memo: headings, each with its sentences."""
    voice = _Voice(language(code))
    clauses = _Licensing(terms, voice)
    rate = [clauses.fee(), clauses.images()]
    if terms.max_images is not None:
        total = Money(terms.fee.currency, terms.fee.minor * terms.max_images)
        rate.append(clauses.say("memo.at_most", total=clauses.money(total)))
    rows = [
        ("parties", [clauses.say("memo.parties_are", **clauses.ids())]),
        ("representation", [clauses.agency(), clauses.commission()]),
        ("work", [clauses.say("memo.images_of", category=clauses.category()), clauses.uses(), *clauses.in_person()]),
        ("uses", clauses.where()),
        ("rate", rate),
        ("shares", [*clauses.shares(), clauses.say("memo.nothing_else")]),
        ("payment", [clauses.payment()]),
        ("term", [clauses.term()]),
        ("renewal", [clauses.renewal()]),
        ("ending", clauses.ending()),
        ("exclusivity", clauses.exclusivity()),
        ("limits", [*clauses.others(), clauses.say("license.marks")]),
        ("basis", [*clauses.basis(), clauses.language()]),
    ]
    return [(voice(f"memo.{heading}"), sentences) for heading, sentences in rows]


# --- the other papers -------------------------------------------------------------------------------------------


def _mandate(terms: Mandate, say: _Voice) -> list[str]:
    spoken = say.language
    names = {"agency": terms.agency.name, "agency_id": terms.agency.id}
    return [
        say("mandate.intro" if terms.acts else "mandate.no_acts", name=terms.talent.name, id=terms.talent.id, **names),
        *(ITEM + inline(spoken.word("act", act)) for act in sorted(terms.acts)),
        *([say("mandate.reserved", acts=spoken.words("act", terms.reserved))] if terms.reserved else []),
        say("mandate.brands", brands=say.named(terms.brands)) if terms.brands else say("mandate.any_brand"),
        say("mandate.categories", categories=say.topics(terms.categories))
        if terms.categories
        else say("mandate.any_category"),
        say.if_any("mandate.channels", "channels", terms.channels, say.channels),
        say.if_any("mandate.territories", "territories", terms.territories, spoken.places),
        say("mandate.min_fee", min_fee=spoken.money(terms.min_fee)),
        say("mandate.term", terms.max_term_days),
        say("mandate.images", terms.max_images),
        _period("mandate", terms, say),
        say("mandate.mine"),
        say("mandate.withdraw"),
    ]


def _approved(terms: Approved, say: _Voice) -> list[str]:
    scope = {Approval.IMAGE: "image", Approval.CAMPAIGN: "campaign", Approval.NONE: "nothing"}[terms.scope]
    lines = [say(f"approval.{scope}", talent=terms.talent)]
    lines += [say.item("approval.shot", shot=shot) for shot in sorted(terms.shots)]
    if terms.release:
        lines.append(say.item("approval.release", release=terms.release))
    if terms.picture:
        lines.append(say.item("approval.picture", picture=terms.picture))
    if terms.scope is not Approval.NONE:
        lines.append(say("approval.only" if terms.scope is Approval.IMAGE else "approval.only_briefs"))
    return [*lines, _hers_or_estates("approval", terms.talent, terms.estate, say)]


def _words(terms: Words, say: _Voice) -> list[str]:
    return [
        say("quote.intro", talent=terms.talent, brand=terms.brand),
        say("quote.words", words=terms.words),
        say("quote.only"),
    ]


def _revocation(terms: Revocation, say: _Voice) -> list[str]:
    spoken = say.language
    role = spoken.word("role", terms.by)
    lines = [say("revocation.intro", party=terms.party, role=role, talent=terms.talent)]
    for target, parts in sorted(terms.targets.items()):
        digest, named = _named(target), spoken.words("part", parts)
        lines.append(
            say.item("revocation.parts", digest=digest, parts=named)
            if parts
            else say.item("revocation.whole", digest=digest)
        )
    at, effective = spoken.moment(terms.at), spoken.moment(terms.effective)
    return [
        *lines,
        say(f"revocation.{terms.grounds}"),
        say("revocation.times", at=at, effective=effective),
        say("revocation.statement", statement=say.own_words(terms.statement))
        if terms.statement
        else say("revocation.no_statement"),
    ]


def _erasure(terms: Erasure, say: _Voice) -> list[str]:
    return [
        say("erasure.intro", talent=terms.talent),
        say("erasure.at", at=say.language.moment(terms.at)),
        _hers_or_estates("erasure", terms.talent, terms.estate, say),
    ]


def _access(terms: Access, say: _Voice) -> list[str]:
    return [
        say(f"access.{terms.scope}", talent=terms.talent),
        say("access.at", at=say.language.moment(terms.at)),
        _hers_or_estates("access", terms.talent, terms.estate, say),
    ]


def _payee(terms: Payee, say: _Voice) -> list[str]:
    return [
        say("payee.intro", talent=terms.talent, name=terms.name, account=terms.account),
        _hers_or_estates("payee", terms.talent, terms.estate, say),
    ]


def _hers_or_estates(section: str, talent: str, estate: str, say: _Voice) -> str:
    return say(f"{section}.estate", talent=talent, estate=estate) if estate else say(f"{section}.mine", talent=talent)


def _key_change(terms: KeyChange, say: _Voice) -> list[str]:
    spoken = say.language
    lines = [
        say("key.intro", party=terms.party, role=spoken.word("role", terms.role)),
        say(f"key.{terms.grounds}", key=terms.retires),
    ]
    if terms.new:
        new = terms.new
        lines += [
            say("key.new", key=new.id),
            say("key.material", algorithm=new.algorithm, public=new.public),
            say("key.page", origin=new.origin, rp_id=new.rp_id) if new.rp_id or new.origin else say("key.file"),
            say.if_any("key.duties", "duties", new.duties, lambda duties: spoken.words("duty", duties)),
        ]
    if terms.retires and terms.grounds is not KeyGrounds.OBJECTED:
        lines.append(say("key.retires", key=terms.retires))
    at, effective = spoken.moment(terms.at), spoken.moment(terms.effective)
    lines.append(say("key.times", at=at, effective=effective))
    if terms.grounds is KeyGrounds.LOST:
        lines.append(say("key.object"))
    if terms.operator:
        lines.append(say("key.operator", operator=terms.operator))
    elif terms.grounds is KeyGrounds.FIRST:
        lines.append(say("key.signed_itself"))
    else:
        lines.append(say("key.signed", party=terms.party))
    if terms.new and terms.grounds is not KeyGrounds.FIRST:
        lines.append(say("key.proved"))
    return (
        [*lines, say("key.identity", identity=say.own_words(terms.identity_check))] if terms.identity_check else lines
    )


def _proposal(terms: Proposal, say: _Voice) -> list[str]:
    spoken = say.language
    role = spoken.word("role", terms.by)
    number, at = spoken.number(terms.number), spoken.moment(terms.at)
    lines = [
        say(f"proposal.{terms.move}", party=terms.party, role=role, talent=terms.talent),
        say("proposal.booking", number=number, booking=terms.booking, at=at),
    ]
    if terms.previous:
        lines.append(say("proposal.answers", digest=_named(terms.previous)))
    if terms.expires:
        lines.append(say("proposal.expires", expires=spoken.moment(terms.expires)))
    lines.append(say("proposal.binds_nobody"))
    return [*lines, say("proposal.terms"), *_license(terms.terms, say)] if terms.terms else lines


def _alive(terms: Alive, say: _Voice) -> list[str]:
    return [
        say("alive.intro", talent=terms.talent, report=terms.report),
        say("alive.at", at=say.language.moment(terms.at)),
        say("alive.mine", talent=terms.talent),
    ]


_SPEAKERS: dict[type[Form], Callable[..., list[str]]] = {
    Consent: _consent,
    License: _license,
    Mandate: _mandate,
    Approved: _approved,
    Words: _words,
    Revocation: _revocation,
    Erasure: _erasure,
    Payee: _payee,
    KeyChange: _key_change,
    Proposal: _proposal,
    Alive: _alive,
    Access: _access,
}
