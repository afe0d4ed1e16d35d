"""The gate: may this be done with her twin, now? Pure, total and explained.

`decide` does no I/O, reads no clock and raises nothing: it takes the request, the dossier as it stands, the law and a way
to verify signatures offline, and answers `Allow` or `Deny` with every reason at once. It makes no permit from thin air:
only an `Allow` can be turned into one, and an `Allow` names the papers it rests on. Whose signatures a paper takes it
learns from the paper's own terms, never from what a database says beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .access import Access, Scope
from .approval import Words
from .canonical import digest
from .consent import Consent, Edit, Part, PostMortem, Representation
from .errors import InputError, Reason, reason
from .form import Form
from .license import License, Renewal, conflicting
from .mandate import Mandate
from .money import Money
from .paper import Paper
from .party import Role, Verify, age
from .permit import Act, Permit
from .policy import Finding, Law, Severity
from .spelling import plain
from .territory import covers

# What of her consent each act needs. To render takes the template as well: what can't be checked to be her isn't made.
NEEDS: dict[Act, frozenset[Part]] = {
    Act.ENROLL: frozenset({Part.CAPTURE, Part.TEMPLATE}),
    Act.TRAIN: frozenset({Part.CAPTURE, Part.TRAIN}),
    Act.RENDER: frozenset({Part.CAPTURE, Part.TEMPLATE, Part.GENERATE}),
    Act.MEASURE: frozenset({Part.TEMPLATE}),
    Act.EVIDENCE: frozenset({Part.CAPTURE}),
    Act.MONITOR: frozenset({Part.TEMPLATE, Part.MONITOR}),
    Act.VIEW: frozenset({Part.CAPTURE}),
    # What is held about her is hers to see, whatever she consents to, or doesn't any more (GDPR art. 15).
    Act.DISCLOSE: frozenset(),
}
# What takes a request of her own, with the scope that it must have.
ASKED = {Act.VIEW: Scope.LOOK, Act.DISCLOSE: Scope.EVERYTHING}
# What counts as using the twin: it waits for the cooling-off.
USES = frozenset({Act.RENDER, Act.TRAIN})
ADULT = 18
# On the day after this many an image that isn't paid stops the brand's next one (New York Labor Law art. 36 has the
# same limit; here it holds for everybody).
PAYMENT_DAYS = 45
PERMIT_LIFE = timedelta(minutes=15)
# How old a request for access may be, and how far ahead of our clock hers may go.
ACCESS_LIFE, ACCESS_AHEAD = timedelta(days=1), timedelta(minutes=5)
_PARTS = {act: tuple(sorted(parts)) for act, parts in NEEDS.items()}


@dataclass(frozen=True)
class Request:
    """What somebody wants to do. ``subject`` is the digest of what it is about: the shot, or the set of captures.

    For a render: ``brand`` is the party that asks; ``channels``, ``territories``, ``contexts`` and ``edits`` of the picture;
    ``fee``, the gross fee offered; ``words`` that the picture attributes to her. ``vendor`` is the third party on whose
    machines it would happen, empty for the home's own.
    """

    act: Act
    talent: str
    subject: str
    brand: str = ""
    channels: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    fee: Money | None = None
    words: str = ""
    vendor: str = ""

    def digest(self) -> str:
        return digest(
            {
                "act": self.act.value,
                "talent": self.talent,
                "subject": self.subject,
                "brand": self.brand,
                "channels": sorted(self.channels),
                "territories": sorted(self.territories),
                "contexts": sorted(self.contexts),
                "edits": sorted(self.edits),
                "fee": str(self.fee) if self.fee else None,
                "words": self.words,
                "vendor": self.vendor,
            }
        )


@dataclass(frozen=True)
class Dossier:
    """What is on file about a talent. ``mandate`` is the one that the license names, ``words`` what she let be put into
    her mouth, ``others`` her licenses with other brands, each with the moment from which both sides were bound; ``access`` is
    her own request to see what is held about her.

    ``images_this_month`` counts her images that were held or settled in the calendar month (UTC), ``images_licensed`` those
    under this license ever, both without the one asked for. ``twin_made`` is the day of the twin's newest version,
    ``died`` the day of her death, ``unpaid_since`` the day of the oldest image of this brand that she wasn't paid for. ``synthetic`` when she does not exist.
    """

    consent: Paper | None
    license: Paper | None = None
    mandate: Paper | None = None
    words: tuple[Paper, ...] = ()
    others: tuple[Paper, ...] = ()
    images_this_month: int = 0
    images_licensed: int = 0
    twin_made: date | None = None
    died: date | None = None
    unpaid_since: date | None = None
    access: Paper | None = None
    synthetic: bool = False


@dataclass(frozen=True)
class Allow:
    """``consent`` is the digest of the paper it rests on: her consent, or to disclose her request for access. ``notes`` are what the law packs have to say without refusing."""

    request: Request
    consent: str
    license: str | None
    notes: tuple[Reason, ...] = ()

    def permit(self, permit_id: str, now: datetime) -> Permit:
        """The permit, still without its MAC."""
        return Permit(
            id=permit_id,
            act=self.request.act,
            talent=self.request.talent,
            request_digest=self.request.digest(),
            consent=self.consent,
            license=self.license,
            expires=now + PERMIT_LIFE,
        )


@dataclass(frozen=True)
class Deny:
    reasons: tuple[Reason, ...]
    notes: tuple[Reason, ...] = ()


def decide(request: Request, dossier: Dossier, law: Law, verify: Verify, now: datetime) -> Allow | Deny:
    """All the reasons against, or the permission. ``now`` carries the UTC time zone; days are UTC days."""
    today = now.date()
    reasons: list[Reason] = []
    notes: list[Reason] = []
    render = request.act is Act.RENDER
    if request.act in ASKED:
        _hold_access(request, dossier, verify, now, reasons)
    if request.act is Act.DISCLOSE:
        return Deny(tuple(reasons)) if reasons else Allow(request, dossier.access.digest, None)
    consent = _read(dossier.consent, Consent, "consent", verify, now, reasons)
    license = _read(dossier.license, License, "license", verify, now, reasons) if render else None
    if consent is not None:
        _hold_consent(request, consent, dossier, now, today, reasons)
        if render:
            _hold_picture(request, consent, dossier, verify, now, reasons)
    if license is not None:
        _hold_license(request, license, consent, dossier, today, reasons)
        _hold_acceptance(license, consent, dossier, verify, now, reasons)
    if consent is not None and law.packs:
        for finding in _law_findings(request, consent, license, dossier, law, now, today):
            (reasons if finding.severity is Severity.ERROR else notes).append(finding.reason)
    if request.vendor and (license is None or request.vendor not in license.vendors):
        reasons.append(reason("license.vendor", f"she named no vendor {request.vendor!r}", rests_on="license, vendors"))
    if reasons:
        return Deny(tuple(reasons), tuple(notes))
    return Allow(request, dossier.consent.digest, dossier.license.digest if render else None, tuple(notes))


def _read(paper: Paper | None, form: type[Form], word: str, verify: Verify, now: datetime, reasons: list[Reason]):
    """The paper's terms when they can be read; everything that is wrong with the paper itself goes into ``reasons``."""
    if paper is None or paper.erased:
        reasons.append(reason(f"{word}.missing", f"there is no {word} on file"))
        return None
    try:
        terms = paper.terms
    except InputError as error:
        reasons.append(error.reason)
        return None
    if not isinstance(terms, form):
        reasons.append(reason(f"{word}.missing", f"what is on file is no {word}"))
        return None
    reasons += paper.faults(verify)
    if paper.revoked_at is not None and paper.revoked_at <= now:
        day = paper.revoked_at.date().isoformat()
        reasons.append(reason(f"{word}.revoked", f"the {word} was revoked on {day}", rests_on=f"{word}, revocation"))
    return terms


def _hold_access(request: Request, dossier: Dossier, verify: Verify, now: datetime, reasons: list[Reason]) -> None:
    """Whether she herself, or the estate that speaks for her, asked for exactly this, and just now."""

    def no(code: str, diagnosis: str) -> None:
        reasons.append(reason(code, diagnosis, rests_on="request for access"))

    access = _read(dossier.access, Access, "access", verify, now, reasons)
    if access is None:
        return
    if (access.talent, dossier.access.digest) != (request.talent, request.subject):
        no("access.other", f"the request is for {access.talent}, or another one")
    if access.scope is not ASKED[request.act]:
        no("access.other", f"she asked for {access.scope}, and to {request.act} takes {ASKED[request.act]}")
    if not now - ACCESS_LIFE <= access.at <= now + ACCESS_AHEAD:
        no("access.stale", f"the request is of {access.at.isoformat()}")
    if bool(access.estate) != (dossier.died is not None):
        no("talent.deceased", "while she lives she asks herself, and after her death her estate does")


def _hold_consent(
    request: Request, consent: Consent, dossier: Dossier, now: datetime, today: date, reasons: list[Reason]
) -> None:
    """What holds for every act with her twin."""

    def no(code: str, diagnosis: str, clause: str, remedy: str = "") -> None:
        reasons.append(reason(code, diagnosis, remedy, f"consent, {clause}"))

    who = consent.talent
    if who.id != request.talent:
        no("consent.missing", f"the consent on file is {who.id}'s, not {request.talent}'s", "talent")
    if age(who.born, today) < ADULT:
        no("talent.minor", f"{who.name} is under {ADULT}", "talent")
    if dossier.died is not None and consent.post_mortem is PostMortem.ENDS:
        no("talent.deceased", f"{who.name} died on {dossier.died.isoformat()}, and her consent with her", "post_mortem")
    elif _after_death(dossier.consent, dossier.died):
        no("talent.deceased", "the consent was signed with her key after her death", "post_mortem")
    if consent.until is None:
        no("consent.perpetual", "a consent without a last day binds nobody", "until")
    elif today > consent.until:
        no("consent.expired", f"the consent ended on {consent.until.isoformat()}", "until")
    if today < consent.starts:
        no("consent.not_started", f"the consent begins on {consent.starts.isoformat()}", "starts")
    if consent.representation is not Representation.SEPARATE:
        no("consent.bundled", f"the consent is a {consent.representation} part of her representation", "representation")
    if consent.power_of_attorney:
        no("consent.power_of_attorney", f"{consent.power_of_attorney} claims to sign for her", "power_of_attorney")
    for part in _PARTS[request.act]:
        if part not in consent.parts:
            no("consent.part", f"to {request.act} takes the part {part!r}, which she didn't give", "parts")
        elif part in dossier.consent.withdrawn and dossier.consent.withdrawn[part] <= now:
            no("consent.part", f"to {request.act} takes the part {part!r}, which she withdrew", "parts")
    if request.act in USES:
        given = dossier.consent.signed_at(Role.TALENT)
        if given is not None:
            days = (now - given).days
            if days < consent.cooling_off_days:
                first = (given + timedelta(days=consent.cooling_off_days)).date().isoformat()
                no("consent.cooling_off", f"she keeps until {first} to think it over", "cooling_off_days")
            if days >= consent.reconsent_days:
                day = given.date().isoformat()
                no("consent.stale", f"she signed it on {day}, and wants to be asked again", "reconsent_days")
    made = dossier.twin_made
    if request.act is Act.RENDER and made is not None and (today - made).days >= consent.reconsent_days:
        no("twin.stale", f"her twin is of {made.isoformat()}, and people age", "reconsent_days")


def gives(consent: Paper | None, part: Part, now: datetime) -> bool:
    """Whether a consent has a part that wasn't withdrawn: for what needs no permit of its own."""
    if consent is None or consent.erased or part not in consent.terms.parts:
        return False
    return not any(at <= now for at in (consent.revoked_at, consent.withdrawn.get(part)) if at is not None)


def stale(consent: Paper, now: datetime) -> bool:
    """Whether she wants to be asked again about a consent that she signed."""
    given = consent.signed_at(Role.TALENT)
    return given is not None and (now - given).days >= consent.terms.reconsent_days


def _hold_picture(
    request: Request, consent: Consent, dossier: Dossier, verify: Verify, now: datetime, reasons: list[Reason]
) -> None:
    """What her consent says about a picture."""

    def no(code: str, diagnosis: str, clause: str, remedy: str = "") -> None:
        reasons.append(reason(code, diagnosis, remedy, f"consent, {clause}"))

    for channel in request.channels:
        if channel not in consent.channels:
            no("consent.channel", f"she doesn't allow {channel!r}", "channels")
    for territory in request.territories:
        if territory not in consent.territories and not covers(consent.territories, territory):
            no("consent.territory", f"she doesn't allow {territory}", "territories")
    for context in request.contexts:
        if plain(context) in consent.never:
            no("consent.never", f"she never allows {plain(context)!r}", "never")
    for edit in request.edits:
        if edit not in consent.edits:
            no("consent.edit", f"she doesn't allow the edit {edit!r}", "edits")
    try:
        floor = consent.floor()
    except InputError as error:  # a day rate in one currency, a least fee in another
        reasons.append(error.reason)
        floor = consent.min_fee
    if request.fee is None or request.fee.currency != floor.currency:
        no("consent.fee_floor", f"the fee must be in {floor.currency}", "min_fee")
    elif request.fee.minor < floor.minor:
        clause = "min_fee" if floor == consent.min_fee else "min_fee_percent"
        no("consent.fee_floor", f"{request.fee} is under her minimum of {floor}", clause, f"offer {floor} or more")
    if dossier.images_this_month >= consent.max_images_per_month:
        taken = f"{dossier.images_this_month} of her {consent.max_images_per_month} images of this month are taken"
        no("consent.cap", taken, "max_images_per_month")
    if consent.max_brands is not None and dossier.others:
        mine = dossier.license.terms.brand.id if dossier.license and _is_license(dossier.license) else request.brand
        before = {
            paper.terms.brand.id
            for paper in dossier.others
            if _is_license(paper) and paper.terms.runs(now.date()) and _bound_before(paper, dossier.license)
        } - {mine}
        if len(before) >= consent.max_brands:
            no(
                "consent.brands",
                f"{len(before)} other brands hold licenses of her twin, and she allows {consent.max_brands}",
                "max_brands",
            )
    if request.words:
        _hold_words(request, dossier, verify, now, reasons)


def _hold_words(request: Request, dossier: Dossier, verify: Verify, now: datetime, reasons: list[Reason]) -> None:
    wanted = Words(request.talent, request.brand, request.words)
    for paper in dossier.words:
        try:
            same = paper.terms == wanted
        except InputError:
            continue
        if same and not paper.faults(verify) and not _after_death(paper, dossier.died):
            if paper.revoked_at is not None and paper.revoked_at <= now:
                reasons.append(reason("words.revoked", f"she took back the words {request.words!r}"))
            return
    reasons.append(reason("words.unsigned", f"she didn't sign the words {request.words!r}"))


def _hold_license(
    request: Request, license: License, consent: Consent | None, dossier: Dossier, today: date, reasons: list[Reason]
) -> None:
    """What the license says about a picture."""

    def no(code: str, diagnosis: str, clause: str, remedy: str = "") -> None:
        reasons.append(reason(code, diagnosis, remedy, f"license, {clause}"))

    if license.talent.id != request.talent:
        no("license.missing", f"the license on file is for {license.talent.id}, not for {request.talent}", "talent")
    if request.brand != license.brand.id and request.brand not in license.sublicensees:
        no("license.sublicense", f"{request.brand or 'nobody'} is not the licensee", "brand")
    if consent is not None and license.consent != dossier.consent.digest:
        no("license.other_consent", "the license rests on a consent that is no longer the live one", "consent")
    if today < license.starts:
        no("license.not_started", f"the license begins on {license.starts.isoformat()}", "starts")
    ends = license.ends
    if ends is None:
        no("license.perpetual", "a license without an end binds nobody", "term_days")
    elif today > ends:
        no("license.expired", f"the license ended on {ends.isoformat()}", "term_days")
    if license.renewal is not Renewal.NONE:
        no("license.auto_renewal", "it would renew itself without her signature", "renewal")
    for channel in request.channels:
        if channel not in license.channels:
            no("license.channel", f"{channel!r} is not licensed", "channels")
    for territory in request.territories:
        if territory not in license.territories and not covers(license.territories, territory):
            no("license.territory", f"{territory} is not licensed", "territories")
    if request.fee is not None and request.fee != license.fee:
        no("license.other", f"the license's fee is {license.fee}, not {request.fee}", "fee")
    if license.category not in map(plain, request.contexts):
        no("license.other", f"the license is for {license.category}", "category")
    if license.max_images is not None and dossier.images_licensed >= license.max_images:
        no("license.cap", f"all {license.max_images} images of the license are taken", "max_images")
    if dossier.unpaid_since is not None and (today - dossier.unpaid_since).days > PAYMENT_DAYS:
        days = (today - dossier.unpaid_since).days
        no("license.unpaid", f"{license.brand.name} owes her for an image for {days} days", "payment_days")
    if dossier.others:
        before = [
            (paper.digest, paper.terms)
            for paper in dossier.others
            if _is_license(paper) and _bound_before(paper, dossier.license)
        ]
        for other in conflicting(license, before):
            no(
                "license.exclusivity",
                f"license {other[:16]}… came first and is exclusive against this one",
                "exclusive",
            )


def _hold_acceptance(
    license: License, consent: Consent | None, dossier: Dossier, verify: Verify, now: datetime, reasons: list[Reason]
) -> None:
    """Whether whoever accepted the license for her could: she herself, her estate, or her agency under a mandate."""
    if dossier.died is None and not license.estate and not license.mandate:
        return

    def no(code: str, diagnosis: str, clause: str) -> None:
        reasons.append(reason(code, diagnosis, rests_on=f"license, {clause}"))

    if license.estate and license.mandate:
        no("license.estate", "a mandate ends with her death, and an estate begins with it", "estate and mandate")
    if license.estate:
        accepted = dossier.license.signed_at(Role.ESTATE)
        named = consent is not None and consent.post_mortem is PostMortem.ESTATE and consent.estate == license.estate
        if dossier.died is None or not named:
            no("license.estate", f"{license.estate} can't agree for her", "estate")
        elif accepted is not None and accepted.date() < dossier.died:
            no("license.estate", f"{license.estate} agreed while she lived", "estate")
        if not license.mandate:
            return
    accepted = dossier.license.signed_at(Role.AGENCY if license.mandate and license.agency else Role.TALENT)
    if dossier.died is not None and accepted is not None and accepted.date() > dossier.died:
        no("talent.deceased", "the license was accepted after her death, and not by her estate", "signatures")
    if not license.mandate:
        return
    # What was accepted while the mandate lived binds her as if she had signed, whatever becomes of the mandate later.
    bound = bound_at(dossier.license) or now
    if dossier.died is not None and bound.date() > dossier.died:
        no("talent.deceased", "her death ended the mandate before both sides were bound", "mandate")
    if dossier.mandate is not None and _after_death(dossier.mandate, dossier.died):
        no("talent.deceased", "the mandate was signed with her key after her death", "mandate")
    reasons += beyond_mandate(license, dossier.mandate, verify, accepted or now, bound)


def beyond_mandate(
    license: License, paper: Paper | None, verify: Verify, accepted: datetime, bound: datetime
) -> list[Reason]:
    """Why an agency could not accept this license under this mandate; empty when it could.

    ``accepted`` is when the agency signed. The mandate must still live when both sides were ``bound``.
    """
    reasons: list[Reason] = []
    mandate = _read(paper, Mandate, "mandate", verify, bound, reasons)
    if mandate is None:
        return reasons
    given = paper.signed_at(Role.TALENT)
    if paper.digest != license.mandate:
        reasons.append(reason("mandate.missing", "the license was accepted under another mandate"))
    elif given is not None and given > accepted:
        reasons.append(reason("mandate.missing", "she signed the mandate only after the license was accepted"))
    return reasons + mandate.against(license, "accept", accepted.date())


def _after_death(paper: Paper, died: date | None) -> bool:
    signed = paper.signed_at(Role.TALENT)
    return died is not None and signed is not None and signed.date() > died


def _law_findings(
    request: Request, consent: Consent, license: License | None, dossier: Dossier, law: Law, now: datetime, today: date
) -> list[Finding]:
    paper = dossier.license if license else None

    def use() -> dict[str, object]:
        given = paper.drawn_at if paper else None
        return {
            "age": age(consent.talent.born, today),
            "deceased": dossier.died is not None and dossier.died <= today,
            "hours_since_terms": int((now - given).total_seconds() // 3600) if given else None,
            "days_unpaid": (today - dossier.unpaid_since).days if dossier.unpaid_since else 0,
            "act": request.act.value,
            "synthetic": dossier.synthetic,
        }

    return [*law.check_papers(dossier.consent, paper, today), *law.check_use(dossier.consent, paper, today, use)]


def _is_license(paper: Paper) -> bool:
    try:
        return isinstance(paper.terms, License)
    except InputError:
        return False


def _bound_before(paper: Paper, mine: Paper | None) -> bool:
    """Whether another license bound both sides before mine did; of two at one moment the lower digest came first."""
    theirs, ours = bound_at(paper), bound_at(mine) if mine else None
    if theirs is None:
        return False
    return ours is None or (theirs, paper.digest) < (ours, mine.digest)


def bound_at(paper: Paper) -> datetime | None:
    """When the last of a license's signers signed, None while one is missing."""
    moments = [paper.signed_at(role) for role in paper.signers]
    return None if None in moments or not moments else max(moments)
