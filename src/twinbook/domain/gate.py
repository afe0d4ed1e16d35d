"""The gate: may this be done with her twin, now? Pure, total and explained.

`decide` does no I/O, reads no clock and raises nothing: it takes the request, the dossier as it stands and a way to
verify signatures offline, and answers `Allow` or `Deny` with every reason at once. It makes no permit from thin air:
only an `Allow` can be turned into one, and an `Allow` names the papers it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .canonical import canonical, digest
from .consent import Consent, Part
from .errors import InputError, Reason, reason
from .license import License
from .money import Money
from .paper import Paper
from .party import PaperKind, Verify, age
from .permit import Act, Permit

# What of her consent each act needs.
NEEDS: dict[Act, frozenset[Part]] = {
    Act.ENROLL: frozenset({Part.CAPTURE, Part.TEMPLATE}),
    Act.TRAIN: frozenset({Part.CAPTURE, Part.TRAIN}),
    Act.RENDER: frozenset({Part.CAPTURE, Part.GENERATE}),
    Act.MEASURE: frozenset({Part.TEMPLATE}),
    Act.EVIDENCE: frozenset({Part.CAPTURE}),
}
ADULT = 18
PERMIT_LIFE = timedelta(minutes=15)


@dataclass(frozen=True)
class Request:
    """What somebody wants to do. ``subject`` is the digest of what it is about: the shot, or the set of captures.

    For a render: ``channels``, ``territories`` and ``contexts`` of the picture and ``fee``, the gross fee offered.
    """

    act: Act
    talent: str
    subject: str
    channels: tuple[str, ...] = ()
    territories: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    fee: Money | None = None

    def digest(self) -> str:
        return digest(
            {
                "act": self.act.value,
                "talent": self.talent,
                "subject": self.subject,
                "channels": sorted(self.channels),
                "territories": sorted(self.territories),
                "contexts": sorted(self.contexts),
                "fee": str(self.fee) if self.fee else None,
            }
        )


@dataclass(frozen=True)
class Dossier:
    """What is on file about a talent. ``images_this_month`` counts her images that are held or paid for in the
    calendar month (UTC), without the one asked for."""

    consent: Paper | None
    license: Paper | None = None
    images_this_month: int = 0


@dataclass(frozen=True)
class Allow:
    request: Request
    consent: str
    license: str | None

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


def covers(allowed: frozenset[str], territory: str) -> bool:
    """Whether a territory is allowed: itself, or a country that contains it (``US`` covers ``US-NY``)."""
    return territory in allowed or territory.split("-")[0] in allowed


def decide(request: Request, dossier: Dossier, verify: Verify, now: datetime) -> Allow | Deny:
    """All the reasons against, or the permission. ``now`` carries the UTC time zone; days are UTC days."""
    today = now.date()
    reasons: list[Reason] = []
    consent = _read(dossier.consent, PaperKind.CONSENT, Consent.from_document, verify, reasons)
    if consent is not None:
        reasons += _consent_reasons(request, consent, dossier, today)
    if request.act is Act.RENDER:
        license = _read(dossier.license, PaperKind.LICENSE, License.from_document, verify, reasons)
        if license is not None:
            live = dossier.consent.digest if consent is not None else None
            reasons += _license_reasons(request, license, live, today)
    if reasons:
        return Deny(tuple(reasons))
    return Allow(request, dossier.consent.digest, dossier.license.digest if request.act is Act.RENDER else None)


def _read(paper: Paper | None, kind: PaperKind, parse, verify: Verify, reasons: list[Reason]):
    """The paper's terms when it is there and intact; what is wrong with it goes into ``reasons``."""
    word = kind.name.lower()
    if paper is None:
        reasons.append(reason(f"{word}.missing", f"there is no {word} on file"))
        return None
    try:
        terms = parse(paper.document)
        # Reading and writing must be inverse: what isn't understood to the last member isn't permitted.
        if canonical(terms.document()) != paper.message:
            raise InputError("signature.invalid", f"the {word} holds something that this version doesn't know")
    except InputError as error:
        reasons.append(error.reason)
        return None
    except (ValueError, TypeError):  # no canonical form, or lists that can't be sorted: nobody signed that
        reasons.append(reason("signature.invalid", f"the {word} is malformed"))
        return None
    reasons += paper.faults(verify)
    if paper.revoked_at is not None:
        reasons.append(reason(f"{word}.revoked", f"the {word} was revoked on {paper.revoked_at.date().isoformat()}"))
    return terms


def _consent_reasons(request: Request, consent: Consent, dossier: Dossier, today: date) -> list[Reason]:
    found: list[Reason] = []

    def no(code: str, diagnosis: str, remedy: str = "", clause: str = "") -> None:
        found.append(reason(code, diagnosis, remedy, f"consent, {clause}" if clause else ""))

    if consent.talent.id != request.talent:
        no("consent.missing", f"the consent on file is {consent.talent.id}'s, not {request.talent}'s")
    if age(consent.talent.born, today) < ADULT:
        no("talent.minor", f"{consent.talent.name} is under {ADULT}", clause="born")
    if today > consent.until:
        no("consent.expired", f"the consent ended on {consent.until.isoformat()}", clause="until")
    if today < consent.starts:
        no("consent.expired", f"the consent begins on {consent.starts.isoformat()}", "wait for that day", "starts")
    for part in sorted(NEEDS[request.act] - consent.parts):
        no("consent.part", f"to {request.act} takes the part {part!r}, which she didn't give", clause="parts")
    if request.act is not Act.RENDER:
        return found
    for channel in sorted(set(request.channels) - consent.channels):
        no("consent.channel", f"she doesn't allow {channel!r}", clause="channels")
    for territory in request.territories:
        if not covers(consent.territories, territory):
            no("consent.territory", f"she doesn't allow {territory}", clause="territories")
    for context in sorted({c.lower() for c in request.contexts} & consent.never):
        no("consent.never", f"she never allows {context!r}", clause="never")
    if request.fee is None or request.fee.currency != consent.min_fee.currency:
        no("consent.fee_floor", f"the fee must be in {consent.min_fee.currency}", clause="min_fee_per_image")
    elif request.fee.less_than(consent.min_fee):
        no("consent.fee_floor", f"{request.fee} is under her minimum of {consent.min_fee}", clause="min_fee_per_image")
    if dossier.images_this_month >= consent.max_images_per_month:
        no(
            "consent.cap",
            f"{dossier.images_this_month} of her {consent.max_images_per_month} images of this month are taken",
            clause="max_images_per_month",
        )
    return found


def _license_reasons(request: Request, license: License, live_consent: str | None, today: date) -> list[Reason]:
    found: list[Reason] = []

    def no(code: str, diagnosis: str, remedy: str = "", clause: str = "") -> None:
        found.append(reason(code, diagnosis, remedy, f"license, {clause}" if clause else ""))

    if license.talent != request.talent:
        no("license.missing", f"the license on file is for {license.talent}, not for {request.talent}")
    if live_consent is not None and license.consent != live_consent:
        no("license.other_consent", "the license rests on a consent that is no longer the live one", clause="consent")
    if today < license.starts:
        no("license.not_started", f"the license begins on {license.starts.isoformat()}", clause="starts")
    if today > license.ends:
        no("license.expired", f"the license ended on {license.ends.isoformat()}", clause="term_days")
    for channel in sorted(set(request.channels) - license.channels):
        no("license.channel", f"{channel!r} is not licensed", clause="channels")
    for territory in request.territories:
        if not covers(license.territories, territory):
            no("license.territory", f"{territory} is not licensed", clause="territories")
    if request.fee is not None and request.fee != license.fee:
        no("license.missing", f"the license's fee is {license.fee}, not {request.fee}", clause="fee_per_image")
    return found
