"""What people sign, as sentences for the person who signs it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ..domain.approval import Approved, Words
from ..domain.consent import Approval, Consent, Edit, Part, PostMortem
from ..domain.form import Form
from ..domain.keyring import KeyChange
from ..domain.license import License, Renewal
from ..domain.mandate import Mandate
from ..domain.revocation import Erasure, Revocation

_PARTS = {
    Part.CAPTURE: "keep and use the photographs of you that you hand over",
    Part.TEMPLATE: "compute a template of your face, to check that pictures are really you",
    Part.TRAIN: "train an image model on your photographs",
    Part.GENERATE: "make new pictures with your twin, each under a license that you sign as well",
    Part.MONITOR: "search public places for pictures of you, to find misuse",
}
_EDITS = {
    Edit.MINOR: "crop and grade",
    Edit.RECOLOR: "change the colour of garments",
    Edit.SCENE: "change the scene",
    Edit.GARMENT: "change garments",
    Edit.POSE: "change your pose",
    Edit.BODY: "change your body or face",
}
_APPROVALS = {
    Approval.NONE: "Images need no further approval of mine when the checks find them to be me.",
    Approval.CAMPAIGN: "Each campaign's briefs need my approval before anything is released.",
    Approval.IMAGE: "Each image needs my approval before release.",
}


def plain_words(terms: Form) -> list[str]:
    """Every clause that binds, as sentences. A line that begins with two spaces and a dash is an item of a list; terms
    of a kind without sentences of its own are listed member by member."""
    speak = _SPEAKERS.get(type(terms))
    return speak(terms) if speak else [f"{name}: {_shown(value)}" for name, value in terms.document().items()]


def _listed(words: Iterable[str], nothing: str = "nothing named") -> str:
    return ", ".join(sorted(words)) or nothing


def _day(day: date | None) -> str:
    return day.isoformat() if day else "no last day"


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)


def _consent(terms: Consent) -> list[str]:
    agency = f" {terms.agency.name} represents me." if terms.agency else ""
    lives = f" I live and work in {terms.based_in}." if terms.based_in else ""
    lines = [
        f"I, {terms.talent.name} ({terms.talent.id}), born {_day(terms.talent.born)}, allow these acts and no others:",
        *(f"  - {part}: {_PARTS[part]}" for part in Part if part in terms.parts),
        *(f"  - not {part}: nobody may {_PARTS[part]}" for part in Part if part not in terms.parts),
        f"What for: {terms.purpose}.{agency}{lives}",
    ]
    if terms.uses:
        lines.append(f"In detail: {terms.uses}")
    lines += [
        "My pictures may be changed in these ways and no others:",
        *(f"  - {_EDITS[edit]}" for edit in Edit if edit in terms.edits),
        *(f"  - never: {_EDITS[edit]}" for edit in Edit if edit not in terms.edits),
        f"From {_day(terms.starts)} to {_day(terms.until)}; it ends by itself and is never renewed by silence.",
        f"Shown only on: {_listed(terms.channels)}. Only in: {_listed(terms.territories)}.",
        f"Never with: {_listed(terms.never)}.",
        f"I am paid at least {terms.floor()} for each image (gross, before the agency's commission): "
        f"{terms.min_fee}, or {terms.min_fee_percent} percent of my day rate of {terms.day_rate or 'nothing stated'}.",
        f"At most {terms.max_images_per_month} images a month, and "
        + (
            f"licenses with at most {terms.max_brands} brands at once." if terms.max_brands else "any number of brands."
        ),
        _APPROVALS[terms.approval],
        f"The first use waits {_days(terms.cooling_off_days)} after my signature. After {_days(terms.reconsent_days)} I am "
        "asked anew and my twin is made anew.",
        f"When I die, my estate ({terms.estate}) takes over."
        if terms.post_mortem is PostMortem.ESTATE
        else "When I die, this ends with me.",
        "Words that an advertisement attributes to me need my signature as well.",
        "I can withdraw this, or any part of it, at any time with my key: the next picture is then refused.",
        f"This consent is {terms.representation} from my contract of representation and is no condition of it."
        if terms.representation == "separate"
        else f"WARNING: this consent is a {terms.representation} part of a contract of representation. No picture is made under it.",
    ]
    if terms.power_of_attorney:
        lines.append(f"WARNING: {terms.power_of_attorney} claims to sign for me. No picture is made under it.")
    if terms.replaces:
        lines.append(f"It replaces the consent {terms.replaces[:16]}….")
    return [*lines, f"I read these terms in the language {terms.language}."]


def _license(terms: License) -> list[str]:
    share = 100 - terms.split.agency - sum(terms.split.crew.values())
    agency = terms.agency.name if terms.agency else "no agency"
    crew = "".join(f", {name} {float(part):g} %" for name, part in sorted(terms.split.crew.items()))
    lines = [
        f"{terms.talent.name} ({terms.talent.id}) licenses her twin to {terms.brand.name} ({terms.brand.id}) for {terms.category}.",
        f"Fee: {terms.fee} for each released image, gross, whatever the number of its formats; paid within "
        f"{_days(terms.payment_days)} of its release.",
        f"  {terms.talent.name} gets {float(share):g} %, {agency} {float(terms.split.agency):g} %{crew}.",
        f"Shown only on: {_listed(terms.channels)}. Only in: {_listed(terms.territories)}.",
        f"From {_day(terms.starts)} to {_day(terms.ends)}"
        + (f" ({_days(terms.term_days)})" if terms.term_days is not None else "")
        + "; no renewal without a new signature."
        if terms.renewal is Renewal.NONE
        else "WARNING: this license says that it renews itself. No picture is made under it.",
        f"At most {terms.max_images} images." if terms.max_images is not None else "The number of images is open.",
    ]
    if terms.uses:
        lines.append(f"In detail: {terms.uses}")
    if terms.exclusive:
        sold = terms.exclusive
        lines.append(
            f"Exclusive from {_day(sold.starts)} to {_day(sold.ends)}: no license for {sold.category or 'any category'} on "
            f"{_listed(sold.channels, 'any channel')} in {_listed(sold.territories, 'any territory')} to "
            f"{_listed(sold.competitors, 'any other brand')}."
        )
    lines += [
        f"The images may be passed on to: {_listed(terms.sublicensees, 'nobody')}. Her twin is handled by: "
        f"{_listed(terms.vendors, 'nobody else')}.",
        "The images may train image models." if terms.trains_models else "Nobody may train image models on the images.",
        "The images replace work that she would have done in person."
        if terms.replaces_in_person
        else "The images don't replace work that she would have done in person.",
        f"She was advised by: {terms.advised_by or 'nobody named'}.",
        f"Either side may end it with a notice of {_days(terms.wind_down_days)}."
        if terms.wind_down_days
        else "It can't be ended by notice, only for breach.",
        "Every image carries a visible label, a watermark and a signed manifest.",
        f"It rests on the consent {terms.consent[:16]}…; when that ends or is withdrawn, no further image is made.",
    ]
    if terms.mandate:
        lines.append(f"{agency} accepts it for her, under the mandate {terms.mandate[:16]}… that she signed.")
    if terms.estate:
        lines.append(f"Her estate ({terms.estate}) accepts it for her.")
    return [*lines, f"The terms are put before her in the language {terms.language}."]


def _mandate(terms: Mandate) -> list[str]:
    return [
        f"I, {terms.talent.name} ({terms.talent.id}), let {terms.agency.name} ({terms.agency.id}) do this for me, and nothing else: "
        f"{_listed(terms.acts)}.",
        f"With the brands: {_listed(terms.brands, 'any')}. For: {_listed(terms.categories, 'any category')}.",
        f"Shown only on: {_listed(terms.channels)}. Only in: {_listed(terms.territories)}.",
        f"Each license pays at least {terms.min_fee} an image, runs at most {_days(terms.max_term_days)} and stops at "
        f"{terms.max_images} images or fewer.",
        f"From {_day(terms.starts)} to {_day(terms.until)}. I can withdraw it at any time with my key.",
        "Consent, approval, words, exclusivity, withdrawal, erasure, my keys and my payee stay mine alone.",
    ]


def _approved(terms: Approved) -> list[str]:
    by = f" Signed by her estate, {terms.estate}." if terms.estate else ""
    if terms.scope is Approval.IMAGE:
        shot = ", ".join(sorted(terms.shots))
        return [
            f"I ({terms.talent}) approve the picture of shot {shot} (release {terms.release}, SHA-256 {terms.picture[:16]}…) "
            f"for release.{by}"
        ]
    return [
        f"I ({terms.talent}) approve these briefs of a campaign:{by}",
        *(f"  - {shot}" for shot in sorted(terms.shots)),
    ]


def _words(terms: Words) -> list[str]:
    return [
        f"I ({terms.talent}) let {terms.brand} say in its advertising that I said exactly this:",
        f"“{terms.words}”",
    ]


def _revocation(terms: Revocation) -> list[str]:
    lines = [
        f"{terms.party} ({terms.by}) takes back what was signed for {terms.talent}, on the ground of {terms.grounds}:"
    ]
    for target, parts in sorted(terms.targets.items()):
        lines.append(f"  - {target[:16]}…" + (f", only: {_listed(parts)}" if parts else ""))
    lines.append(
        f"Signed at {terms.at.isoformat()}; it takes effect at {terms.effective.isoformat()}. From then on no further "
        "picture is made under it."
    )
    return [*lines, f"What happened: {terms.statement}"] if terms.statement else lines


def _erasure(terms: Erasure) -> list[str]:
    by = f" (signed by the estate {terms.estate})" if terms.estate else ""
    return [
        f"Erase everything that is held about {terms.talent}{by}: photographs, face template, plates and unreleased pictures.",
        f"It can't be undone. Asked for at {terms.at.isoformat()}.",
    ]


def _key_change(terms: KeyChange) -> list[str]:
    lines = [f"The keys of {terms.party} ({terms.role}) change: {terms.grounds}, from {terms.effective.isoformat()}."]
    if terms.new:
        lines.append(f"New: {terms.new.id} ({terms.new.algorithm}), for: {_listed(terms.new.duties)}.")
    if terms.retires:
        lines.append(f"It counts no longer: {terms.retires}.")
    if terms.identity_check:
        lines.append(f"How the person was recognised, by {terms.operator}: {terms.identity_check}")
    return lines


_SPEAKERS = {
    Consent: _consent,
    License: _license,
    Mandate: _mandate,
    Approved: _approved,
    Words: _words,
    Revocation: _revocation,
    Erasure: _erasure,
    KeyChange: _key_change,
}


def deal_memo(terms: License, shares: dict[str, object]) -> list[str]:
    """A license as a deal memo: who, what, when, for how much, and who gets what of it."""
    agency = terms.agency.name if terms.agency else "nobody"
    return [
        f"{terms.brand.name} and {terms.talent.name}, represented by {agency}.",
        f"Work: images of her digital twin for {terms.category}. {terms.uses or 'Uses as licensed below.'}",
        f"{terms.fee} for each released image, paid within {_days(terms.payment_days)} of its release and shared out as follows:",
        *(f"  - {account.partition(':')[2]}: {amount}" for account, amount in sorted(shares.items())),
        f"Use: {_listed(terms.channels)} in {_listed(terms.territories)}, {_day(terms.starts)} to {_day(terms.ends)}.",
        "Exclusive, as the license says." if terms.exclusive else "Not exclusive: she may work for others.",
        "It ends by itself; nothing renews it but new signatures.",
    ]
