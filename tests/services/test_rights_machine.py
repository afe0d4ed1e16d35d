"""Whatever agency, brands, strangers, operator and clock do, in whatever order: no permit outside what her key signed.

A state machine draws up terms, signs them with everybody's keys, forges, revokes, lets days pass and asks for pictures. It
keeps a plain book of its own about what Mira really signed and took back, and holds every permit that the office ever
made against it.
"""

import json
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from twinbook import app, testing
from twinbook.domain.consent import Part
from twinbook.domain.errors import AwaitingSignature, Refused, TwinbookError
from twinbook.domain.ledger import Movement
from twinbook.domain.money import Money
from twinbook.domain.paper import Paper
from twinbook.domain.party import Party, Role
from twinbook.domain.permit import Act
from twinbook.domain.work import Stage
from twinbook.services import estate, revoke, run, sign
from twinbook.settings import Settings

PEOPLE = {
    "mira": Role.TALENT,
    "nordlight": Role.AGENCY,
    "tvaton": Role.BRAND,
    "zandra": Role.BRAND,
    "eve": Role.TALENT,
}
NEEDED = {
    Act.ENROLL: {"capture", "template"},
    Act.RENDER: {"capture", "template", "generate"},
    Act.MEASURE: {"template"},
}
TERMS = st.fixed_dictionaries(
    {
        "brand": st.sampled_from(["tvaton", "zandra"]),
        "max_images_per_month": st.sampled_from([1, 2, 3]),
        # What allows a picture stands twice or more often, so that many runs get as far as one.
        "parts": st.sampled_from([*[("capture", "template", "generate"), tuple(Part)] * 3, ("capture", "template")]),
        "until": st.sampled_from([date(2026, 9, 1), date(2026, 12, 1), date(2026, 6, 10)]),
        "consent_channels": st.sampled_from([*[("instagram", "web")] * 5, ("web",)]),
        "cooling_off_days": st.sampled_from([0, 0, 0, 3]),
        "fee": st.sampled_from([*["450 EUR"] * 5, "299 EUR"]),
        "term_days": st.sampled_from([40, 60, 2]),
    }
)


class Rights(RuleBasedStateMachine):
    """One home for all runs, a tenant for each: nothing of one is seen by another, which is tried here as well."""

    folder: Path
    count = 0
    ends: Counter  # over all runs, to see that the machine gets anywhere at all

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        self.stack = ExitStack()
        self.clock = testing.FakeClock()
        fakes = {"meter": testing.FakeMeter(), "sealer": testing.FakeSealer(), "reader": testing.FakeReader()}
        fakes["documents"] = testing.FakeDocuments()
        where = Settings(self.folder / "home", tenant=f"run-{self.count}")
        engine = testing.FakeEngine()
        self.office = self.stack.enter_context(app.open_office(where, self.clock, {"composite": engine}, **fakes))
        self.people = testing.People(self.folder / "people")
        for name, role in PEOPLE.items():
            self.people.introduce(self.office, name, role)
        self.campaigns: list = []
        self.papers: dict[str, Paper] = {}
        self.hers: dict[str, datetime] = {}  # what Mira signed with her own key, and when
        self.brands: set[str] = set()  # digests of licenses that their own brand signed
        self.gone: dict[str, datetime] = {}
        self.parts_gone: dict[tuple[str, str], datetime] = {}
        self.seen = 0
        self.dead = False

    def teardown(self) -> None:
        self.stack.close()

    # --- what people do

    @rule(terms=TERMS, shots=st.integers(1, 2), data=st.data())
    def draw(self, terms, shots, data) -> None:
        """A campaign; some put its consent in the place of one that she signed."""
        signed = [digest for digest in sorted(self.hers) if "max_images_per_month" in self.papers[digest].document]
        replaces = data.draw(st.sampled_from(["", "", *signed]))
        name = terms["brand"]
        changes = {
            **terms,
            "brand": Party(name, Role.BRAND, name.title()),
            "parts": tuple(Part(part) for part in terms["parts"]),
            "fee": Money.parse(terms["fee"]),
            "replaces": replaces[:20],
        }
        briefs = [testing.a_shot(f"shot-{n}", to=f"#{n}{n}{n}{n}{n}{n}") for n in range(shots)]
        planned = replace(testing.campaign(self.folder / "photos", briefs, **changes), title=f"c{len(self.campaigns)}")
        self.campaigns.append(planned)
        for paper in sign.draw_papers(self.office, planned)["mira"]:
            self.papers[paper.digest] = paper

    @precondition(lambda self: self.papers)
    @rule(data=st.data(), who=st.sampled_from(sorted(PEOPLE)))
    def sign_with_ones_own_key(self, data, who) -> None:
        paper = data.draw(st.sampled_from(sorted(self.papers.items())))[1]
        may = who == "mira" or (
            paper.document["type"].startswith("twinbook.license") and paper.document["brand"]["id"] == who
        )
        try:
            self._sign(paper, who)
        except Refused:
            assert not may or self._hindered(paper, who)
            return
        assert may
        assert not self._hindered(paper, who)

    def _hindered(self, paper, who) -> bool:
        """Whether she couldn't sign it as things stand: she is said to be dead, or what it replaces is gone."""
        before = paper.document.get("replaces", "")
        gone = before in self.gone and self.gone[before] <= self.clock.now() and paper.digest not in self.hers
        return who == "mira" and (self.dead or gone)

    def _sign(self, paper, who) -> None:
        sign.sign(self.office, paper.document, self.people.key(who).sign(paper.message))
        if who != "mira":
            self.brands.add(paper.digest)
        elif paper.digest not in self.hers:
            self.hers[paper.digest] = self.clock.now()
            if before := paper.document.get("replaces"):
                self.gone[before] = min(self.clock.now(), self.gone.get(before, self.clock.now()))

    @precondition(lambda self: self.campaigns)
    @rule(data=st.data())
    def sign_everything_of_a_campaign(self, data) -> None:
        self._sign_all(data.draw(st.sampled_from(self.campaigns)))

    def _sign_all(self, planned) -> None:
        for paper in sign.draw_papers(self.office, planned)["mira"]:
            self.papers[paper.digest] = paper
            for who in paper.signers.values():
                if not self._hindered(paper, who):
                    self._sign(paper, who)

    @precondition(lambda self: self.papers)
    @rule(data=st.data(), who=st.sampled_from(["nordlight", "tvaton", "eve"]))
    def sign_in_her_name(self, data, who) -> None:
        paper = data.draw(st.sampled_from(sorted(self.papers.items())))[1]
        forged = replace(self.people.key(who).sign(paper.message), key=self.people.key("mira").id)
        with pytest.raises(Refused):
            sign.sign(self.office, paper.document, forged)

    @precondition(lambda self: self.papers)
    @rule(data=st.data())
    def sign_what_was_changed_afterwards(self, data) -> None:
        paper = data.draw(st.sampled_from(sorted(self.papers.items())))[1]
        changed = {**paper.document, "territories": ["WORLD"]}
        with pytest.raises(TwinbookError):
            sign.sign(self.office, changed, self.people.key("mira").sign(paper.message))

    @precondition(lambda self: self.hers)
    @rule(
        data=st.data(),
        part=st.sampled_from([None, *Part]),
        who=st.sampled_from(["mira", "mira", "nordlight", "eve"]),
        days=st.sampled_from([(0,), (20,), (20, 0)]),
    )
    def revoke(self, data, part, who, days) -> None:
        """Now, or from a day to come, or first this and then that: the earliest moment that she ever named stands."""
        digest = data.draw(st.sampled_from(sorted(self.hers)))
        for wait in days:
            self._revoke(digest, part, who, wait)
        self._ask(self.campaigns[-1], signed=False)

    def _revoke(self, digest, part, who, days) -> None:
        parts = frozenset({part} if part else ())
        try:
            asked = revoke.revocation(self.office, "mira", (digest,), parts=parts)
            asked = Paper.of(replace(asked, effective=asked.effective + timedelta(days=days)))
            revoke.revoke(self.office, asked.document, self.people.key(who).sign(asked.message))
        except TwinbookError:
            return
        assert who == "mira"
        at = self.clock.now() + timedelta(days=days)
        if part:
            self.parts_gone[digest, part.value] = min(at, self.parts_gone.get((digest, part.value), at))
        else:
            self.gone[digest] = min(at, self.gone.get(digest, at))

    @rule(who=st.sampled_from(["mira", "nordlight", "eve"]))
    def her_death_is_reported_or_the_report_taken_back(self, who) -> None:
        if not self.dead:
            estate.report_death(self.office, "mira", self.clock.now().date(), "0" * 64)
            self.dead = True
            return
        alive = Paper.of(estate.draw_alive(self.office, "mira"))
        try:
            estate.withdraw_report(self.office, alive.document, self.people.key(who).sign(alive.message))
        except Refused:
            assert who != "mira"
            return
        assert who == "mira"
        self.dead = False

    @rule(days=st.sampled_from([1, 2, 7, 31]))
    def wait(self, days) -> None:
        self.clock.pass_days(days)

    @precondition(lambda self: self.campaigns)
    @rule(data=st.data(), signed=st.booleans())
    def ask_for_pictures(self, data, signed) -> None:
        self._ask(data.draw(st.sampled_from(self.campaigns)), signed)

    @rule(
        brand=st.sampled_from(["tvaton", "zandra"]),
        cap=st.sampled_from([2, 3]),
        part=st.sampled_from(["capture", "template", "generate"]),
        then=st.sampled_from([(), (20,), (20, 0)]),
    )
    def a_sound_campaign_is_run_twice(self, brand, cap, part, then) -> None:
        """Each time with another picture; in between she may withdraw a part, for later or for later and then for now."""
        for days in (then, ()):
            planned = self._sound(brand, cap)
            self._ask(planned, signed=True)
            self.every_permit_is_one_that_she_signed()  # before anything is taken back at the same moment
            consent = sign.draw_papers(self.office, planned)["mira"][0].digest
            for wait in days if consent in self.hers else ():
                self._revoke(consent, Part(part), "mira", wait)

    def _sound(self, brand, cap):
        usual = {
            "until": date(2026, 12, 1),
            "term_days": 60,
            "fee": Money.parse("450 EUR"),
            "purpose": f"as {brand} does",
        }
        party = Party(brand, Role.BRAND, brand.title())
        shot = testing.a_shot("a-shot", to=f"#{len(self.campaigns):06x}")
        planned = testing.campaign(
            self.folder / "photos", [shot], **usual, brand=party, max_images_per_month=cap, parts=tuple(Part)
        )
        self.campaigns.append(replace(planned, title=f"sound-{len(self.campaigns)}"))
        return self.campaigns[-1]

    def _ask(self, planned, signed) -> None:
        if signed:
            self._sign_all(planned)
        with suppress(AwaitingSignature):
            outcome = run.run(self.office, planned, self.folder)
            for work in outcome.works:
                self.ends[work.stage] += 1

    # --- what must hold

    @invariant()
    def every_permit_is_one_that_she_signed(self) -> None:
        with self.office.unit() as unit:
            entries = [json.loads(body) for body in unit.log.bodies()]
        for entry in entries[self.seen :]:
            if entry["act"] == "permit:made":
                self._hold(entry["facts"], datetime.fromisoformat(entry["at"]))
        self.seen = len(entries)

    def _hold(self, facts, at) -> None:
        consent = facts["consent"]
        assert not self.dead  # her consents name no estate
        assert self.hers[consent] <= at
        assert not (consent in self.gone and self.gone[consent] <= at)
        document = self.papers[consent].document
        assert document["starts"] <= at.date().isoformat() <= document["until"]
        needed = NEEDED[Act(facts["act"])]
        assert needed <= set(document["parts"])
        assert not any((consent, part) in self.parts_gone and self.parts_gone[consent, part] <= at for part in needed)
        if facts["act"] != "render":
            return
        assert (at - self.hers[consent]).days >= document["cooling_off_days"]
        license = self.papers[facts["license"]]
        assert license.digest in self.hers
        assert license.digest in self.brands
        assert license.document["consent"] == consent
        assert (at.date() - date.fromisoformat(license.document["starts"])).days in range(license.document["term_days"])
        assert int(license.document["fee"].partition(".")[0]) >= 300
        assert "instagram" in document["channels"]

    @invariant()
    def no_month_holds_more_than_she_allows(self) -> None:
        """Every hold that was not given back was within the cap of its own consent when it was taken."""
        with self.office.unit() as unit:
            booked = unit.books.transactions()
        void = {entry.id for entry in booked if entry.movement is Movement.VOID}
        held = [e for e in booked if e.movement is Movement.HOLD and f"close:{e.id}" not in void]
        order = Counter()
        with self.office.unit() as unit:
            for entry in held:
                license = self.papers[unit.works.get(entry.shot).licenses["mira"]].document
                cap = self.papers[license["consent"]].document["max_images_per_month"]
                order[entry.at.year, entry.at.month] += 1
                assert order[entry.at.year, entry.at.month] <= cap


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="twinbook-machine-"))
    testing.photographs(folder / "photos")
    with testing.open_fake_office(folder):
        pass
    yield folder
    shutil.rmtree(folder)


def play(home, examples, *, always_the_same=False):
    class Here(Rights):
        folder: ClassVar = home
        ends: ClassVar = Counter()

    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            derandomize=always_the_same,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert Here.ends[Stage.RELEASED] > 0
    assert Here.ends[Stage.REFUSED] > 0


def test_no_order_of_acts_gets_round_her(home):
    play(home, 10, always_the_same=True)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_no_order_of_very_many_acts_gets_round_her(home):
    play(home, 80)
