"""Thousands of acts on a small world in memory, and after each one the gate is asked: no permit outside what was signed.

The world keeps papers as a home would; beside it stands a plain book of what each key truly signed, when, and what was
taken back. Every `Allow` is held against that book alone.
"""

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from twinbook import testing
from twinbook.domain.consent import Part, Person, PostMortem
from twinbook.domain.gate import Allow, Dossier, Request, decide
from twinbook.domain.license import Exclusivity
from twinbook.domain.mandate import Mandate
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Key, PaperKind, Role, Signature
from twinbook.domain.permit import Act
from twinbook.domain.policy import Law

ROLES = {
    "mira": Role.TALENT,
    "nordlight": Role.AGENCY,
    "tvaton": Role.BRAND,
    "zandra": Role.BRAND,
    "holm-estate": Role.ESTATE,
    "cousin": Role.ESTATE,
}
DAY = timedelta(days=1)
NEEDED = {"capture", "template", "generate"}
NOBODY = Law(())
CONSENT = st.fixed_dictionaries(
    {
        "parts": st.sampled_from([*[frozenset(Part)] * 3, frozenset({Part.CAPTURE, Part.TEMPLATE})]),
        "until": st.sampled_from([*[date(2027, 6, 1)] * 3, date(2026, 6, 20)]),
        "max_images_per_month": st.sampled_from([1, 2, 3]),
        "estate": st.sampled_from(["holm-estate", "holm-estate", ""]),
        "never": st.sampled_from([frozenset(), frozenset({"fur"})]),
        "cooling_off_days": st.sampled_from([0, 0, 2]),
        "reconsent_days": st.sampled_from([400, 60]),
    }
)
LICENSE = st.fixed_dictionaries(
    {
        "brand": st.sampled_from(["tvaton", "zandra"]),
        "category": st.sampled_from(["fast fashion", "fast fashion", "fur"]),
        "fee": st.sampled_from(["450 EUR", "450 EUR", "350 EUR", "250 EUR"]),
        "term_days": st.sampled_from([90, 90, 3, None]),
        "max_images": st.sampled_from([2, 5, None]),
        "exclusive": st.sampled_from([False, False, False, True]),
        "wanted_by": st.sampled_from(["mira", "mira", "nordlight", "holm-estate", "cousin", "both"]),
    }
)
SOUND_CONSENT = {
    "parts": frozenset(Part),
    "until": date(2027, 6, 1),
    "never": frozenset(),
    "cooling_off_days": 0,
    "reconsent_days": 400,
}
SOUND_LICENSE = {"category": "fast fashion", "fee": "450 EUR", "term_days": 90, "max_images": 2}


def verify(message: bytes, signature: Signature, key: Key) -> bool:
    return signature.value == _value(key, message)


def _value(key: Key, message: bytes) -> str:
    return hashlib.sha256(key.public.encode() + message).hexdigest()


def changed(paper: Paper, **fields) -> Paper:
    """The same document with other things known of it; what was read of the document is not read again."""
    other = replace(paper, **fields)
    read = vars(paper).keys() & {"message", "digest", "kind", "terms", "signers"}
    vars(other).update({name: vars(paper)[name] for name in read})
    return other


class World(RuleBasedStateMachine):
    answers: Counter  # over all runs, to see that the machine gets anywhere at all

    def __init__(self) -> None:
        super().__init__()
        self.now = testing.NOON
        self.numbers = count()
        self.keys = {who: Key(f"key:{who}", "", f"secret of {who}", who, role) for who, role in ROLES.items()}
        self.lost: list[Key] = []
        self.papers: dict[str, Paper] = {}
        self.signed: dict[tuple[str, str], object] = {}  # by whom, which paper: when a key that counted first did
        self.gone: dict[str, object] = {}
        self.parts_gone: dict[tuple[str, str], object] = {}
        self.images: list[dict] = []
        self.died = None

    # --- papers

    def _draw(self, terms) -> Paper:
        paper = replace(Paper.of(terms), drawn_at=self.now)
        return self.papers.setdefault(paper.digest, paper)

    def _sign(self, digest: str, key: Key, at=None) -> None:
        paper, at = self.papers[digest], at or self.now
        word = Signed(Signature(key.id, "", _value(key, paper.message)), key, at)
        self.papers[digest] = changed(paper, signatures=(*paper.signatures, word))
        if key.counts(at):
            self.signed.setdefault((key.party, digest), at)
        if key.party == "mira" and paper.kind is PaperKind.CONSENT and paper.terms.replaces and key.counts(at):
            self._revoke(paper.terms.replaces, self.now)

    def _revoke(self, digest: str, at) -> None:
        before = self.gone.get(digest)
        self.gone[digest] = at if before is None else min(before, at)
        self.papers[digest] = changed(self.papers[digest], revoked_at=self.gone[digest])

    def _of(self, kind: PaperKind) -> list[str]:
        return sorted(digest for digest, paper in self.papers.items() if paper.kind is kind)

    def _consent(self, terms, **changes):
        after = PostMortem.ESTATE if terms["estate"] else PostMortem.ENDS
        planned = testing.campaign(Path("photos"), **terms, post_mortem=after)
        made = planned.consent.consent(planned.talents[0], self.now.date())
        return replace(made, purpose=f"purpose {next(self.numbers)}", **changes)

    def _license(self, terms, consent: str, mandate: str):
        planned = testing.campaign(Path("photos"), term_days=terms["term_days"], max_images=terms["max_images"])
        made = planned.license.license(planned.talents[0], consent, self.now.date())
        by, brand = terms["wanted_by"], Person(terms["brand"], terms["brand"].title())
        window = Exclusivity("fast fashion", frozenset(), frozenset(), frozenset(), made.starts, made.starts + 30 * DAY)
        return replace(
            made,
            brand=brand,
            category=terms["category"],
            fee=Money.parse(terms["fee"]),
            uses=f"use {next(self.numbers)}",
            exclusive=window if terms["exclusive"] else None,
            mandate=mandate if by in ("nordlight", "both") else "",
            estate={"both": "holm-estate", "holm-estate": "holm-estate", "cousin": "cousin"}.get(by, ""),
        )

    # --- what people do

    @initialize(cap=st.sampled_from([2, 3]))
    def they_begin_with_what_is_in_order(self, cap) -> None:
        for estate in ("holm-estate", ""):
            self._sign(
                self._draw(self._consent(SOUND_CONSENT | {"estate": estate, "max_images_per_month": cap})).digest,
                self.keys["mira"],
            )
        self.a_mandate_is_signed(True, "400 EUR", "mira")

    @rule(
        by=st.sampled_from(["mira", "nordlight", "holm-estate", "both"]),
        brand=st.sampled_from(["tvaton", "tvaton", "zandra"]),
        exclusive=st.sampled_from([False, False, True]),
        days=st.sampled_from([0, 0, 1, 31]),
    )
    def a_sound_license_is_asked_under(self, by, brand, exclusive, days) -> None:
        self._deal(by, brand, exclusive, days)

    @precondition(lambda self: self.died)
    @rule(by=st.sampled_from(["holm-estate", "both", "nordlight", "mira"]), days=st.sampled_from([0, 1]))
    def somebody_licenses_after_her_death(self, by, days) -> None:
        self._deal(by, "tvaton", False, days)

    @precondition(lambda self: self.images)
    @rule()
    def the_same_picture_is_asked_for_again(self) -> None:
        self._ask(self.papers[self.images[-1]["license"]])

    def _deal(self, by, brand, exclusive, days) -> None:
        """Under the newest consent and mandate that count, signed by everybody who should, and used a while later."""
        live = [d for d in self.papers if ("mira", d) in self.signed and self.gone.get(d, self.now + DAY) > self.now]
        consents = [
            d
            for d in live
            if self.papers[d].kind is PaperKind.CONSENT and (self.papers[d].terms.estate or by == "mira")
        ]
        mandates = [d for d in live if self.papers[d].kind is PaperKind.MANDATE]
        if not consents or not mandates:
            return
        wanted = SOUND_LICENSE | {"wanted_by": by, "brand": brand, "exclusive": exclusive}
        paper = self._draw(self._license(wanted, consents[0], mandates[-1]))
        for who in paper.signers.values():
            self._sign(paper.digest, self.keys[who])
        self.now += days * DAY
        self._ask(self.papers[paper.digest])

    @rule(terms=CONSENT, signs=st.booleans(), data=st.data())
    def she_consents_anew(self, terms, signs, data) -> None:
        before = [digest for digest in self._of(PaperKind.CONSENT) if ("mira", digest) in self.signed]
        other = data.draw(st.sampled_from(["", *before]))
        paper = self._draw(self._consent(terms, replaces=other))
        if signs:
            self._sign(paper.digest, self.keys["mira"])

    @rule(
        accepts=st.booleans(),
        fee=st.sampled_from(["400 EUR", "300 EUR"]),
        by=st.sampled_from(["mira", "mira", "nordlight"]),
    )
    def a_mandate_is_signed(self, accepts, fee, by) -> None:
        scope = Mandate(
            talent=Person("mira", "Mira Holm"),
            agency=Person("nordlight", "Nordlight"),
            acts=frozenset({"propose", "accept"} if accepts else {"propose"}),
            brands=frozenset({"tvaton"}),
            categories=frozenset(),
            channels=frozenset({"instagram", "web"}),
            territories=frozenset({"SE"}),
            min_fee=Money.parse(fee),
            max_term_days=90,
            max_images=3,
            starts=self.now.date(),
            until=self.now.date() + 60 * DAY,
        )
        self._sign(self._draw(scope).digest, self.keys[by])

    @precondition(lambda self: self._of(PaperKind.CONSENT))
    @rule(terms=LICENSE, data=st.data(), signs=st.sampled_from(["all", "all", "all", "her side", "brand"]))
    def a_license(self, terms, data, signs) -> None:
        mandates = self._of(PaperKind.MANDATE)
        mandate = data.draw(st.sampled_from(mandates)) if mandates else "0" * 64
        consents = self._of(PaperKind.CONSENT)
        paper = self._draw(self._license(terms, data.draw(st.sampled_from(consents)), mandate))
        for role, who in paper.signers.items():
            if signs == "all" or (role is Role.BRAND) == (signs == "brand"):
                self._sign(paper.digest, self.keys[who])
        self._ask(self.papers[paper.digest])

    @precondition(lambda self: self.papers)
    @rule(data=st.data(), who=st.sampled_from([*ROLES, "a thief"]))
    def somebody_signs(self, data, who) -> None:
        digest = data.draw(st.sampled_from(sorted(self.papers)))
        if who != "a thief":
            self._sign(digest, self.keys[who])
        elif self.lost:
            self._sign(digest, self.lost[-1])

    @rule()
    def she_rotates_her_key(self) -> None:
        old = replace(self.keys["mira"], until=self.now)
        number = next(self.numbers)
        self.lost.append(old)
        self.keys["mira"] = replace(old, id=f"key:mira:{number}", public=f"secret {number}", since=self.now, until=None)

    @precondition(lambda self: self.papers)
    @rule(data=st.data(), days=st.sampled_from([0, 0, 20]))
    def something_is_revoked(self, data, days) -> None:
        self._revoke(data.draw(st.sampled_from(sorted(self.papers))), self.now + days * DAY)

    @precondition(lambda self: self._of(PaperKind.CONSENT))
    @rule(data=st.data(), part=st.sampled_from(Part), days=st.sampled_from([0, 20]))
    def she_withdraws_a_part(self, data, part, days) -> None:
        digest = data.draw(st.sampled_from(self._of(PaperKind.CONSENT)))
        at = self.now + days * DAY
        self.parts_gone[digest, part] = min(at, self.parts_gone.get((digest, part), at))
        mine = {p: moment for (paper, p), moment in self.parts_gone.items() if paper == digest}
        self.papers[digest] = changed(self.papers[digest], withdrawn=mine)

    @precondition(lambda self: self.died is None)
    @rule(days=st.sampled_from([0, 1, 5]))
    def her_death_is_reported(self, days) -> None:
        self.died = self.now.date() - days * DAY

    @precondition(lambda self: self.died)
    @rule()
    def she_says_that_she_lives(self) -> None:
        self.died = None

    @rule(days=st.sampled_from([1, 1, 2, 7, 46]))
    def time_passes(self, days) -> None:
        self.now += days * DAY

    @precondition(lambda self: any(not image["paid"] for image in self.images))
    @rule()
    def the_brand_pays(self) -> None:
        next(image for image in self.images if not image["paid"])["paid"] = True

    @precondition(lambda self: self._of(PaperKind.LICENSE))
    @rule(
        data=st.data(),
        channel=st.sampled_from(["instagram", "instagram", "instagram", "tiktok"]),
        extra=st.sampled_from([(), (), ("Fur",)]),
        fee=st.sampled_from([None, None, None, "300 EUR"]),
    )
    def a_picture_is_asked_for(self, data, channel, extra, fee) -> None:
        self._ask(self.papers[data.draw(st.sampled_from(self._of(PaperKind.LICENSE)))], channel, extra, fee)

    def _ask(self, license: Paper, channel="instagram", extra=(), fee=None) -> None:
        terms = license.terms
        brand, price = terms.brand.id, Money.parse(fee) if fee else terms.fee
        others = tuple(
            paper
            for digest in self._of(PaperKind.LICENSE)
            if (paper := self.papers[digest]).terms.brand.id != brand
            and (paper.revoked_at is None or paper.revoked_at > self.now)
        )
        unpaid = [image["at"].date() for image in self.images if image["brand"] == brand and not image["paid"]]
        dossier = Dossier(
            consent=self.papers.get(terms.consent),
            license=license,
            mandate=self.papers.get(terms.mandate),
            others=others,
            images_this_month=sum(
                (i["at"].year, i["at"].month) == (self.now.year, self.now.month) for i in self.images
            ),
            images_licensed=sum(image["license"] == license.digest for image in self.images),
            died=self.died,
            unpaid_since=min(unpaid, default=None),
        )
        contexts = (terms.category, *extra)
        asked = Request(Act.RENDER, "mira", "x", brand, (channel,), ("SE",), contexts, (), price)
        answer = decide(asked, dossier, NOBODY, verify, self.now)
        self.answers[type(answer)] += 1
        if isinstance(answer, Allow):
            self._hold(asked, license)
            self.answers["estate" if terms.estate else "mandate" if terms.mandate else "she"] += 1
            self.images.append({"license": license.digest, "brand": brand, "at": self.now, "paid": False})

    # --- what must hold

    def _hold(self, asked: Request, license: Paper) -> None:
        terms, today = license.terms, self.now.date()
        consent = self.papers[terms.consent].terms
        given = self.signed["mira", terms.consent]
        for digest in (terms.consent, license.digest):
            assert digest not in self.gone or self.gone[digest] > self.now
        assert set(consent.parts) >= NEEDED
        assert not any(self.parts_gone.get((terms.consent, part), self.now + DAY) <= self.now for part in NEEDED)
        assert consent.starts <= today <= consent.until
        assert consent.cooling_off_days <= (self.now - given).days < consent.reconsent_days
        assert "fur" not in consent.never or "fur" not in {word.lower() for word in asked.contexts}
        assert asked.channels == ("instagram",)
        assert asked.fee == terms.fee
        assert terms.fee.minor >= 30000
        assert terms.term_days is not None
        assert 0 <= (today - terms.starts).days < terms.term_days
        if self.died:
            assert given.date() <= self.died
            assert consent.estate
        countersigned = self.signed[asked.brand, license.digest]
        if terms.estate:
            assert self.died
            assert terms.estate == consent.estate == "holm-estate"
            assert not terms.mandate
            assert self.signed["holm-estate", license.digest].date() >= self.died
        elif terms.mandate:
            self._hold_mandate(terms, self.signed["nordlight", license.digest], countersigned)
        else:
            accepted = self.signed["mira", license.digest]
            assert not self.died or accepted.date() <= self.died
        same_month = [i for i in self.images if (i["at"].year, i["at"].month) == (self.now.year, self.now.month)]
        assert len(same_month) < consent.max_images_per_month
        under = [image for image in self.images if image["license"] == license.digest]
        assert terms.max_images is None or len(under) < terms.max_images
        owed = [image["at"].date() for image in self.images if image["brand"] == asked.brand and not image["paid"]]
        assert all((today - day).days <= 45 for day in owed)
        self._hold_exclusivity(license)

    def _hold_mandate(self, terms, accepted, countersigned) -> None:
        scope = self.papers[terms.mandate].terms
        bound = max(accepted, countersigned)
        assert self.signed["mira", terms.mandate] <= accepted
        assert terms.mandate not in self.gone or self.gone[terms.mandate] > bound
        assert not self.died or bound.date() <= self.died
        assert "accept" in scope.acts
        assert terms.brand.id == "tvaton"
        assert terms.fee.minor >= scope.min_fee.minor
        assert terms.max_images <= scope.max_images
        assert terms.exclusive is None
        assert scope.starts <= accepted.date() <= scope.until

    def _hold_exclusivity(self, license: Paper) -> None:
        """Nobody sold this category to the other brand before, for these days."""
        mine = self._bound(license)
        for digest in self._of(PaperKind.LICENSE):
            other = self.papers[digest]
            sold, theirs = other.terms.exclusive, self._bound(other)
            if other.terms.brand.id == license.terms.brand.id or sold is None or None in (mine, theirs):
                continue
            live = digest not in self.gone or self.gone[digest] > self.now
            overlap = sold.starts <= license.terms.ends and license.terms.starts <= sold.ends
            assert not (live and theirs < mine and overlap and license.terms.category == sold.category)

    def _bound(self, license: Paper):
        moments = [self.signed.get((who, license.digest)) for who in license.signers.values()]
        return None if None in moments else max(moments)


def play(examples: int, steps: int, *, always_the_same: bool = False) -> None:
    World.answers = Counter()
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=always_the_same,
    )
    run_state_machine_as_test(World, settings=limits)
    assert {"she", "mandate", "estate"} <= set(World.answers)  # each way to a permit is walked


def test_no_order_of_acts_gets_past_the_gate():
    play(150, 50, always_the_same=True)  # so few rounds can miss a way to a permit by chance


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_no_order_of_very_many_acts_gets_past_the_gate():
    play(1500, 80)
