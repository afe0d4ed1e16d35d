"""Rights as short stories: who signed what, what is asked, and every reason the gate gives, under the law packs that ship.

Each story starts from what is in order: Mira lives in Sweden, signed a consent and a license with Tvaton a week ago, both
sides' keys are theirs, and Tvaton asks for one picture on Instagram in Sweden. A story says what is different.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from twinbook import testing
from twinbook.domain.approval import Words
from twinbook.domain.consent import Approval, Edit, Part, Person, PostMortem, Representation
from twinbook.domain.gate import Deny, Dossier, Request, decide
from twinbook.domain.license import Exclusivity, Renewal, Split
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Duty, Key, Role
from twinbook.domain.permit import Act
from twinbook.domain.policy import Law
from twinbook.keys.signatures import KeyFile, verify
from twinbook.law import load

LAW = load()
SIGNED = testing.NOON
NOW = SIGNED + timedelta(days=7)
DAY = timedelta(days=1)
ROLES = {
    "mira": Role.TALENT,
    "sami": Role.TALENT,
    "nordlight": Role.AGENCY,
    "tvaton": Role.BRAND,
    "zandra": Role.BRAND,
    "operator": Role.OPERATOR,
    "holm-estate": Role.ESTATE,
    "cousin": Role.ESTATE,
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: KeyFile.make(folder / f"{name}.pem") for name in ROLES}


@dataclass(frozen=True)
class Story:
    """``consent``, ``license`` and ``asked`` replace terms; ``file`` changes the dossier; ``consent_by`` and ``license_by``
    are whose keys signed; ``later`` is how long after the ordinary moment it happens."""

    expected: set[str]
    consent: dict = field(default_factory=dict)
    license: dict = field(default_factory=dict)
    asked: dict = field(default_factory=dict)
    file: dict = field(default_factory=dict)
    consent_by: tuple[str, ...] = ("mira",)
    license_by: tuple[str, ...] = ("mira", "tvaton")
    mandate: dict | None = None
    words: str = ""
    others: tuple[dict, ...] = ()
    born: date = date(1998, 3, 14)
    later: timedelta = timedelta(0)
    signed: datetime = SIGNED
    brand_duties: frozenset[Duty] = frozenset(Duty)
    key_until: datetime | None = None


NY = {
    "consent": {"territories": frozenset({"SE", "US-NY"})},
    "license": {"territories": frozenset({"US-NY"})},
    "asked": {"territories": ("US-NY",)},
}
SOLD = {
    "category": "fast fashion",
    "channels": frozenset({"instagram"}),
    "territories": frozenset({"SE"}),
    "competitors": frozenset(),
    "starts": date(2026, 5, 1),
    "ends": date(2026, 12, 31),
}
SCOPE = {
    "acts": frozenset({"propose", "accept"}),
    "brands": frozenset({"tvaton"}),
    "categories": frozenset({"fast fashion"}),
    "channels": frozenset({"instagram", "web"}),
    "territories": frozenset({"SE"}),
    "min_fee": Money.parse("400 EUR"),
    "max_term_days": 90,
    "max_images": 20,
    "starts": date(2026, 1, 1),
    "until": date(2026, 12, 31),
}
AGENCY = {"license_by": ("nordlight", "tvaton")}


def there(place: str, **more) -> dict:
    """The ordinary license, sold for another place."""
    parts = {
        "consent": {"territories": frozenset({"SE", place})},
        "license": {"territories": frozenset({place})},
        "asked": {"territories": (place,)},
    }
    for paper, changes in more.items():
        parts[paper] = parts.get(paper, {}) | changes if isinstance(changes, dict) else changes
    return parts


STORIES = {
    # --- her own terms
    "what everybody signed": Story(set()),
    "the terms lie unsigned": Story({"signature.missing"}, consent_by=()),
    "a channel that she never named": Story({"consent.channel", "license.channel"}, asked={"channels": ("outdoor",)}),
    "a channel that she allows and nobody licensed": Story({"license.channel"}, asked={"channels": ("tiktok",)}),
    "a country outside everything": Story({"consent.territory", "license.territory"}, asked={"territories": ("JP",)}),
    "the whole of the EU, when only Sweden was licensed": Story({"consent.territory", "license.territory"}, asked={"territories": ("EU",)}),
    "Sweden, when she allows and licenses the EU": Story(
        set(), consent={"territories": frozenset({"EU"})}, license={"territories": frozenset({"EU"})}
    ),
    "fur, which she never allows": Story({"consent.never"}, asked={"contexts": ("fast fashion", "fur")}),
    "Fur with a capital": Story({"consent.never"}, asked={"contexts": ("fast fashion", "FUR")}),
    "fur with a soft hyphen in it and a space behind": Story(
        {"consent.never"}, asked={"contexts": ("fast fashion", "fu\u00adr ")}
    ),
    "fur coats, spelled with a hyphen and with an underscore": Story(
        {"consent.never"},
        consent={"never": frozenset({"Fur-Coats"})},
        asked={"contexts": ("fast fashion", "fur_coats")},
    ),
    "her category in another spelling": Story(set(), asked={"contexts": ("Fast-Fashion",)}),
    "a mandate for the category in another spelling": Story(
        set(), **AGENCY, license={"max_images": 10}, mandate={"categories": frozenset({"Fast-Fashion"})}
    ),
    "a competitor exclusive in this category, spelled otherwise": Story(
        {"license.exclusivity"}, others=({"exclusive": Exclusivity(**SOLD | {"category": "FAST-fashion"})},)
    ),
    "for a category that she never allows": Story(
        {"consent.never"}, license={"category": "tobacco"}, asked={"contexts": ("tobacco",)}
    ),
    "for another category than licensed": Story({"license.other"}, asked={"contexts": ("perfume",)}),
    "a new pose, which she didn't allow": Story({"consent.edit"}, asked={"edits": (Edit.MINOR, Edit.POSE)}),
    "a changed body, which nobody allows by default": Story({"consent.edit"}, asked={"edits": (Edit.BODY,)}),
    "a changed body that she did allow": Story(
        set(), consent={"edits": frozenset(Edit)}, asked={"edits": (Edit.BODY,)}
    ),
    "a fee under her floor": Story(
        {"consent.fee_floor"}, license={"fee": Money.parse("299 EUR")}, asked={"fee": Money.parse("299 EUR")}
    ),
    "a fee under her share of the day rate": Story(
        {"consent.fee_floor"}, consent={"day_rate": Money.parse("1800 EUR"), "min_fee_percent": Fraction(30)}
    ),
    "a fee at exactly her share of the day rate": Story(
        set(), consent={"day_rate": Money.parse("1800 EUR"), "min_fee_percent": Fraction(25)}
    ),
    "a fee in a currency that she didn't name": Story(
        {"consent.fee_floor"}, license={"fee": Money.parse("9000 SEK")}, asked={"fee": Money.parse("9000 SEK")}
    ),
    "less than the license pays": Story({"license.other"}, asked={"fee": Money.parse("449 EUR")}),
    "the forty-first image of the month": Story({"consent.cap"}, file={"images_this_month": 40}),
    "the fortieth image of the month": Story(set(), file={"images_this_month": 39}),
    "one image more than the license has": Story({"license.cap"}, license={"max_images": 5}, file={"images_licensed": 5}),
    "the consent has ended": Story({"consent.expired"}, consent={"until": date(2026, 6, 7)}),
    "the last day of the consent": Story(set(), consent={"until": date(2026, 6, 8)}),
    "a consent without a last day": Story({"consent.perpetual"}, consent={"until": None}),
    "before the consent's first day": Story({"consent.not_started"}, consent={"starts": date(2026, 6, 9)}),
    "no part to generate": Story(
        {"consent.part", "law.biometric", "law.likeness"}, consent={"parts": frozenset({Part.CAPTURE, Part.TEMPLATE})}
    ),
    "she withdrew the part to generate": Story({"consent.part"}, file={"withdrawn": {Part.GENERATE: NOW - DAY}}),
    "she withdraws the part to generate tomorrow": Story(set(), file={"withdrawn": {Part.GENERATE: NOW + DAY}}),
    "she withdrew her template, and a picture can't be checked to be her": Story(
        {"consent.part"}, file={"withdrawn": {Part.TEMPLATE: NOW - DAY}}
    ),
    "she withdrew training, which no picture needs": Story(set(), file={"withdrawn": {Part.TRAIN: NOW - DAY}}),
    "training without its own part": Story(
        {"consent.part", "law.training"}, asked={"act": Act.TRAIN, "brand": "", "channels": (), "territories": (), "contexts": (), "edits": (), "fee": None}
    ),
    "training with its part": Story(
        set(),
        consent={"parts": frozenset(Part)},
        asked={"act": Act.TRAIN, "brand": "", "channels": (), "territories": (), "contexts": (), "edits": (), "fee": None},
    ),
    "searching the web for her without the part to monitor": Story({"consent.part", "law.biometric"}, asked={"act": Act.MONITOR}),
    "two days into ten days of thinking it over": Story({"consent.cooling_off"}, consent={"cooling_off_days": 10}),
    "the day after thinking it over": Story(set(), consent={"cooling_off_days": 7}),
    "enrolled while she thinks it over": Story(
        set(), consent={"cooling_off_days": 30}, asked={"act": Act.ENROLL}
    ),
    "she wants to be asked again every year": Story(
        {"consent.stale", "license.expired"}, consent={"reconsent_days": 365, "until": date(2028, 1, 1)},
        file={"twin_made": date(2027, 5, 1)}, later=359 * DAY
    ),
    "a twin made two years ago, and people age": Story({"twin.stale"}, consent={"reconsent_days": 700}, file={"twin_made": date(2024, 6, 1)}),
    "she revoked her consent": Story({"consent.revoked"}, file={"consent_revoked": NOW - DAY}),
    "she revoked her consent this very moment": Story({"consent.revoked"}, file={"consent_revoked": NOW}),
    "the license was ended for breach": Story({"license.revoked"}, file={"license_revoked": NOW - DAY}),
    "notice was given and runs out tomorrow": Story(set(), file={"license_revoked": NOW + DAY}),
    "words that she signed": Story(set(), asked={"words": "I wear it every day."}, words="I wear it every day."),
    "words that she never said": Story({"words.unsigned"}, asked={"words": "I love it!"}, words="I wear it every day."),
    "her words for another brand": Story(
        {"words.unsigned", "license.sublicense"}, asked={"words": "I wear it every day.", "brand": "zandra"}, words="I wear it every day."
    ),
    "words that she took back": Story(
        {"words.revoked"}, asked={"words": "I wear it every day."}, words="I wear it every day.", file={"words_revoked": NOW - DAY}
    ),
    "a girl of seventeen": Story({"talent.minor"}, born=date(2008, 6, 9)),
    "eighteen today": Story(set(), born=date(2008, 6, 8)),
    # --- who signed
    "her agency signed the consent by power of attorney": Story({"signature.role"}, consent_by=("nordlight",)),
    "a consent that says her agency signs for her": Story(
        {"consent.power_of_attorney"}, consent={"power_of_attorney": "Nordlight"}
    ),
    "the same in New York, where the law says so as well": Story(
        {"consent.power_of_attorney", "law.power_of_attorney"},
        **there("US-NY", consent={"power_of_attorney": "Nordlight"}),
    ),
    "a consent that is a condition of being represented": Story(
        {"consent.bundled", "law.separate"}, consent={"representation": Representation.CONDITION}
    ),
    "a consent bundled into the contract with her agency": Story(
        {"consent.bundled", "law.separate"}, consent={"representation": Representation.BUNDLED}
    ),
    "the operator signed for her": Story({"signature.role"}, consent_by=("operator",)),
    "the brand signed for her": Story({"signature.role"}, consent_by=("tvaton",)),
    "another talent signed for her": Story({"signature.role"}, consent_by=("sami",)),
    "the agency accepts the license alone": Story({"signature.role"}, **AGENCY),
    "the brand has not countersigned": Story({"signature.missing"}, license_by=("mira",)),
    "another brand countersigned": Story({"signature.role"}, license_by=("mira", "zandra")),
    "a producer's key, for briefs only, countersigned": Story({"signature.duty"}, brand_duties=frozenset({Duty.BRIEF})),
    "signed with a key that she had retired": Story(
        {"signature.key_retired"}, key_until=SIGNED - DAY
    ),
    "signed before she retired that key": Story(set(), key_until=SIGNED + DAY),
    # --- an agency's mandate
    "the agency accepts in a scope that she signed": Story(set(), **AGENCY, license={"max_images": 10}, mandate={}),
    "the agency accepts for a brand that she didn't name": Story(
        {"mandate.scope"}, **AGENCY, license={"max_images": 10}, mandate={"brands": frozenset({"zandra"})}
    ),
    "the agency accepts below the fee that she set": Story(
        {"mandate.scope"}, **AGENCY, license={"max_images": 10}, mandate={"min_fee": Money.parse("500 EUR")}
    ),
    "the agency accepts without a number of images": Story({"mandate.scope"}, **AGENCY, mandate={}),
    "the agency sells exclusivity for her": Story(
        {"mandate.reserved"}, **AGENCY, license={"max_images": 10, "exclusive": Exclusivity(**SOLD)}, mandate={}
    ),
    "a mandate over her payee": Story(
        {"mandate.reserved"}, **AGENCY, license={"max_images": 10}, mandate={"acts": frozenset({"accept", "payee"})}
    ),
    "a mandate to propose only": Story(
        {"mandate.scope"}, **AGENCY, license={"max_images": 10}, mandate={"acts": frozenset({"propose"})}
    ),
    "a mandate that has run out": Story(
        {"mandate.scope"}, **AGENCY, license={"max_images": 10}, mandate={"until": date(2026, 5, 31)}
    ),
    "a mandate that the agency signed itself": Story(
        {"signature.role"}, **AGENCY, license={"max_images": 10}, mandate={"by": "nordlight"}
    ),
    "a mandate in New York": Story(
        {"law.power_of_attorney"},
        **AGENCY,
        **there("US-NY", license={"max_images": 10}),
        mandate={"territories": frozenset({"US-NY"})},
    ),
    # --- after her death
    "her twin after her death": Story({"talent.deceased"}, file={"died": date(2026, 6, 5)}),
    "after her death, licensed by the estate that she named": Story(
        set(),
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        license={"estate": "holm-estate"},
        license_by=("holm-estate", "tvaton"),
        file={"died": SIGNED.date()},
    ),
    "after her death, licensed by a cousin": Story(
        {"license.estate"},
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        license={"estate": "cousin"},
        license_by=("cousin", "tvaton"),
        file={"died": SIGNED.date()},
    ),
    "after her death the agency accepts alone, naming the estate that she named": Story(
        {"license.estate", "talent.deceased", "signature.missing"},
        **AGENCY,
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        license={"estate": "holm-estate", "max_images": 10},
        mandate={},
        file={"died": date(2026, 5, 30)},
    ),
    "after her death agency and estate accept together": Story(
        {"license.estate", "talent.deceased"},
        license_by=("holm-estate", "nordlight", "tvaton"),
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        license={"estate": "holm-estate", "max_images": 10},
        mandate={},
        file={"died": date(2026, 5, 30)},
    ),
    "a mandate that names an estate while she lives": Story(
        {"license.estate"},
        license_by=("holm-estate", "nordlight", "tvaton"),
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        license={"estate": "holm-estate", "max_images": 10},
        mandate={},
    ),
    "her agency accepted in time, and her estate goes on": Story(
        set(),
        **AGENCY,
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        license={"max_images": 10},
        mandate={},
        file={"died": date(2026, 6, 5)},
    ),
    "an estate that acts while she lives": Story(
        {"license.estate"},
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        license={"estate": "holm-estate"},
        license_by=("holm-estate", "tvaton"),
    ),
    "somebody used her key after her death": Story(
        {"talent.deceased"},
        consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"},
        file={"died": date(2026, 5, 20)},
    ),
    "a license of her own, outliving her because her estate goes on": Story(
        set(), consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"}, file={"died": date(2026, 6, 5)}
    ),
    "her estate goes on, but Tennessee asks for its signature": Story(
        {"law.deceased"},
        **there("US-TN", consent={"post_mortem": PostMortem.ESTATE, "estate": "holm-estate"}),
        file={"died": date(2026, 6, 5)},
    ),
    # --- the license
    "a perpetual license": Story({"license.perpetual"}, license={"term_days": None}),
    "a perpetual license in New York": Story({"license.perpetual", "law.term"}, **there("US-NY", license={"term_days": None})),
    "a license that renews itself": Story({"license.auto_renewal"}, license={"renewal": Renewal.AUTOMATIC}),
    "a license that renews itself in New York": Story(
        {"license.auto_renewal", "law.renewal"}, **there("US-NY", license={"renewal": Renewal.AUTOMATIC})
    ),
    "the day after the license": Story({"license.expired"}, later=83 * DAY),
    "the last day of the license": Story(set(), later=82 * DAY),
    "before the license begins": Story({"license.not_started"}, license={"starts": date(2026, 6, 9)}),
    "a license under an older consent": Story({"license.other_consent"}, license={"consent": "0" * 64}),
    "passed on to another brand": Story({"license.sublicense"}, asked={"brand": "zandra"}),
    "passed on to a brand that she named": Story(set(), license={"sublicensees": frozenset({"zandra"})}, asked={"brand": "zandra"}),
    "rendered at a third party's": Story({"license.vendor"}, asked={"vendor": "render-farm"}),
    "rendered at the third party that she named": Story(
        set(), license={"vendors": frozenset({"render-farm"})}, asked={"vendor": "render-farm"}
    ),
    "day 46 unpaid": Story({"license.unpaid"}, file={"unpaid_since": date(2026, 4, 23)}),
    "day 45 unpaid": Story(set(), file={"unpaid_since": date(2026, 4, 24)}),
    # --- other brands
    "a competitor's license, not exclusive": Story(set(), others=({},)),
    "a competitor who bought this category first": Story({"license.exclusivity"}, others=({"exclusive": Exclusivity(**SOLD)},)),
    "a competitor exclusive in another country": Story(
        set(), others=({"exclusive": Exclusivity(**SOLD | {"territories": frozenset({"NO"})})},)
    ),
    "a competitor exclusive on another channel": Story(
        set(),
        license={"channels": frozenset({"instagram"})},
        others=({"exclusive": Exclusivity(**SOLD | {"channels": frozenset({"web"})})},),
    ),
    "a competitor exclusive against others than Tvaton": Story(
        set(), others=({"exclusive": Exclusivity(**SOLD | {"competitors": frozenset({"hem-and-morris"})})},)
    ),
    "a competitor exclusive against Tvaton by name": Story(
        {"license.exclusivity"}, others=({"exclusive": Exclusivity(**SOLD | {"competitors": frozenset({"tvaton"})})},)
    ),
    "a competitor whose exclusivity is over": Story(
        set(), others=({"exclusive": Exclusivity(**SOLD | {"ends": date(2026, 5, 31)})},)
    ),
    "a competitor who bought exclusivity after Tvaton": Story(
        set(), others=({"exclusive": Exclusivity(**SOLD), "signed": SIGNED + DAY},)
    ),
    "a third brand at once, when she allows two": Story(
        {"consent.brands"}, consent={"max_brands": 2}, others=({}, {"brand": Person("hem-and-morris", "Hem & Morris")})
    ),
    "a second brand at once, when she allows two": Story(set(), consent={"max_brands": 2}, others=({},)),
    # --- the law's table, row by row (see also tests/law)
    "New York: an ordinary deal": Story(set(), **NY),
    "New York: a commission of 25 percent": Story(
        {"law.commission"}, **there("US-NY", license={"split": Split(Fraction(25), {})})
    ),
    "New York: a commission of 20 percent": Story(set(), **there("US-NY", license={"split": Split(Fraction(20), {})})),
    "Sweden: a commission of 25 percent, which no law there forbids": Story(set(), license={"split": Split(Fraction(25), {})}),
    "New York: terms two hours before the work": Story(
        {"law.deadline"}, **NY, signed=NOW - timedelta(hours=2)
    ),
    "New York: terms a day before the work": Story(set(), **NY, signed=NOW - timedelta(hours=24)),
    "New York: terms in a language that she doesn't read": Story({"law.language"}, **there("US-NY", consent={"language": "sv"}, license={"language": "en"})),
    "New York: sixty days to pay": Story({"law.payment"}, **there("US-NY", license={"payment_days": 60})),
    "New York: four years": Story({"law.term"}, **there("US-NY", license={"term_days": 1461})),
    "New York: no purpose stated": Story({"law.purpose"}, **there("US-NY", consent={"purpose": ""})),
    "New York: before the act was in force": Story(
        {"consent.not_started", "license.not_started"},
        **there("US-NY", license={"split": Split(Fraction(25), {})}),
        signed=datetime(2025, 6, 1, 12, tzinfo=SIGNED.tzinfo),
        later=datetime(2025, 6, 18, 12, tzinfo=SIGNED.tzinfo) - NOW,
    ),
    "California: replaces her in person without description or counsel": Story(
        {"law.description", "law.advice"}, **there("US-CA", license={"replaces_in_person": True})
    ),
    "California: replaces her in person, described, with her union": Story(
        set(),
        **there("US-CA", license={"replaces_in_person": True, "uses": "Ten web banners of the spring line.", "advised_by": "her counsel"}),
    ),
    "Tennessee: an ordinary deal": Story(set(), **there("US-TN")),
    "EU: no purpose stated": Story({"law.purpose"}, consent={"purpose": ""}),
    "China: an ordinary deal": Story(set(), **there("CN")),
    "China: a consent bundled with others": Story(
        {"consent.bundled", "law.separate"}, **there("CN", consent={"representation": Representation.BUNDLED})
    ),
    "Denmark: what isn't confirmed doesn't refuse": Story(set(), **there("DK")),
    "SAG-AFTRA: described 47 hours ahead": Story(
        {"law.deadline"},
        **there("US-CA", license={"advised_by": "SAG-AFTRA", "uses": "Ten web banners."}),
        signed=NOW - timedelta(hours=47),
    ),
    "SAG-AFTRA: described 48 hours ahead": Story(
        set(),
        **there("US-CA", license={"advised_by": "SAG-AFTRA", "uses": "Ten web banners."}),
        signed=NOW - timedelta(hours=48),
    ),
    "a country whose law isn't known here": Story(set(), **there("JP")),
    # --- all at once
    "everything wrong at once": Story(
        {
            "signature.missing", "consent.cap", "consent.never", "consent.edit", "consent.channel", "license.channel",
            "license.expired", "license.unpaid", "license.vendor", "license.sublicense", "words.unsigned", "twin.stale",
        },
        consent_by=(),
        license_by=(),
        asked={
            "channels": ("outdoor",), "contexts": ("fast fashion", "fur"), "edits": (Edit.BODY,), "brand": "zandra",
            "vendor": "render-farm", "words": "Buy it.",
        },
        file={"images_this_month": 99, "unpaid_since": date(2026, 1, 1), "twin_made": date(2020, 1, 1)},
        later=100 * DAY,
    ),
}  # fmt: skip


def signed(paper: Paper, keys, names, at, **key_terms) -> Paper:
    made = []
    for name in names:
        key: Key = keys[name].registered(name, ROLES[name])
        made.append(Signed(keys[name].sign(paper.message), replace(key, **key_terms.get(name, {})), at))
    return replace(paper, signatures=tuple(made), drawn_at=at)


def told(story: Story, keys) -> tuple[Request, Dossier]:
    planned = testing.campaign(Path("photos"), born=story.born, based_in="SE")
    cast, day = planned.talents[0], SIGNED.date()
    key_terms = {"mira": {"until": story.key_until}, "tvaton": {"duties": story.brand_duties}}
    terms = replace(planned.consent.consent(cast, day), **story.consent)
    consent = signed(Paper.of(terms), keys, story.consent_by, story.signed, mira=key_terms["mira"])
    file = dict(story.file)
    mandate = None
    wanted = replace(planned.license.license(cast, consent.digest, day), **story.license)
    if story.mandate is not None:
        scope = SCOPE | {name: value for name, value in story.mandate.items() if name != "by"}
        bare = Paper.of(Mandate(talent=wanted.talent, agency=wanted.agency, **scope))
        mandate = signed(bare, keys, (story.mandate.get("by", "mira"),), SIGNED - 30 * DAY)
        wanted = replace(wanted, mandate=mandate.digest)
    license = signed(Paper.of(wanted), keys, story.license_by, story.signed, **key_terms)
    others = []
    for changes in story.others:
        changes = dict(changes)
        at = changes.pop("signed", SIGNED - DAY)
        other = replace(wanted, **{"brand": Person("zandra", "Zandra"), "exclusive": None, **changes})
        others.append(signed(Paper.of(other), keys, ("mira", "zandra"), at))
    words = ()
    if story.words:
        said = signed(Paper.of(Words("mira", "tvaton", story.words)), keys, ("mira",), SIGNED)
        words = (replace(said, revoked_at=file.pop("words_revoked", None)),)
    consent = replace(consent, withdrawn=file.pop("withdrawn", {}), revoked_at=file.pop("consent_revoked", None))
    license = replace(license, revoked_at=file.pop("license_revoked", None))
    asked = {
        "act": Act.RENDER,
        "talent": "mira",
        "subject": "a-shot",
        "brand": "tvaton",
        "channels": ("instagram",),
        "territories": ("SE",),
        "contexts": ("fast fashion",),
        "edits": (Edit.MINOR, Edit.RECOLOR),
        "fee": Money.parse("450 EUR"),
        **story.asked,
    }
    on_file = {"twin_made": date(2026, 5, 20), **file}
    return Request(**asked), Dossier(consent, license, mandate, words, tuple(others), **on_file)


@pytest.mark.parametrize("name", STORIES)
def test_story(keys, name):
    story = STORIES[name]
    request, dossier = told(story, keys)
    answer = decide(request, dossier, LAW, verify, NOW + story.later)
    reasons = answer.reasons if isinstance(answer, Deny) else ()
    assert {why.code for why in reasons} == story.expected, [why.diagnosis for why in reasons]
    for why in reasons:
        assert why.diagnosis
        assert why.remedy
        assert why.rests_on or why.code.startswith(("signature.", "words.", "mandate.missing", "license.missing"))


def test_there_are_many_stories():
    assert len(STORIES) >= 60
    codes = set().union(*(story.expected for story in STORIES.values()))
    assert len(codes) >= 40


def test_an_unknown_law_is_said_and_does_not_refuse(keys):
    request, dossier = told(STORIES["a country whose law isn't known here"], keys)
    assert "law.no_pack" in {why.code for why in decide(request, dossier, LAW, verify, NOW).notes}


def test_a_country_is_not_known_by_its_states(keys):
    for place, unknown in (("US", True), ("US-TX", True), ("US-NY", False), ("EU", False), ("WORLD", True)):
        request, dossier = told(Story(set(), **there(place)), keys)
        answer = decide(request, dossier, LAW, verify, NOW)
        assert ("law.no_pack" in {why.code for why in answer.notes}) == unknown


def test_a_refusal_never_tells_another_brands_terms(keys):
    request, dossier = told(STORIES["a competitor who bought this category first"], keys)
    said = str(decide(request, dossier, LAW, verify, NOW))
    assert "zandra" not in said.lower()
    assert "2026-12-31" not in said


def test_without_any_law_the_rest_still_holds(keys):
    for name in ("what everybody signed", "fur, which she never allows", "a perpetual license"):
        request, dossier = told(STORIES[name], keys)
        answer = decide(request, dossier, Law(()), verify, NOW)
        assert {why.code for why in getattr(answer, "reasons", ())} == STORIES[name].expected


def test_her_approval_is_a_choice_of_three():
    assert set(Approval) == {"none", "campaign", "image"}
