"""A consent, license, deal memo or other paper as people read it, with the digest and signatures of what is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ..domain.errors import InputError
from ..domain.form import Form
from ..domain.license import License
from ..domain.paper import Paper, Signed
from .typeset import typeset
from .wording import DEFAULT, Language, language, short
from .words import ITEM, deal_memo, members, plain_words

TERMS_FILE = "terms.json"


def paper_pdf(paper: Paper, code: str = DEFAULT, until: datetime | None = None) -> bytes:
    """The paper as a PDF that has the exact bytes to be signed attached as ``terms.json``; PDF/A once there is a
    signature. Its date is the last thing that happened to the paper up to a moment.

    Whether a signature is genuine is not judged here: a signature counts as there when it is by the key of who must
    sign, and the page says that it shows the record. A document that this version doesn't understand is printed member by
    member, and the page says so. Raises ValueError for a document that has no canonical form.
    """
    spoken, terms = language(code), _terms(paper)
    sentences = plain_words(terms, code) if terms else members(paper.document, code)
    unread = [] if terms else [spoken.say("page.unread")]
    return _typeset(paper, spoken, _kind(paper), unread, until, sentences=_lines(sentences), rows=[])


def memo_pdf(license: Paper, code: str = DEFAULT, until: datetime | None = None) -> bytes:
    """A license as a deal memo, which is its terms under headings. Raises InputError ``signature.invalid`` for a paper
    that isn't a license."""
    terms = license.terms
    if not isinstance(terms, License):
        raise InputError("signature.invalid", "only a license has a deal memo")
    rows = [{"heading": heading, "lines": _lines(sentences)} for heading, sentences in deal_memo(terms, code)]
    return _typeset(license, language(code), "memo", [], until, sentences=[], rows=rows)


def _typeset(
    paper: Paper,
    spoken: Language,
    kind: str,
    notices: list[str],
    until: datetime | None,
    sentences: list[dict[str, object]],
    rows: list[dict[str, object]],
) -> bytes:
    theirs = {(role, party): _by(paper, role, party) for role, party in paper.signers.items()}
    missing = [_who(paper, role, party, spoken) for (role, party), signed in theirs.items() if signed is None]
    strangers = [s.key for s in paper.signatures if (s.key.role, s.key.party) not in theirs]
    title = spoken.word("kind", kind)
    revoked = [spoken.say("page.revoked", day=spoken.day(paper.revoked_at))] if paper.revoked_at else []
    withdrawn = [
        spoken.say("page.withdrawn", day=spoken.day(at), part=spoken.word("part", part))
        for part, at in sorted(paper.withdrawn.items())
    ]
    unsigned = [spoken.say("page.not_signed_by", who=spoken.listed(missing))] if missing else []
    others = [
        spoken.say("page.stranger", name=key.party, role=spoken.word("role", key.role), key=short(key.id))
        for key in strangers
    ]
    return typeset(
        "paper.typ",
        {
            "title": title,
            "eyebrow": spoken.say("page.eyebrow", kind=spoken.word("kind", _kind(paper)) if rows else title),
            "foot": f"{title} · {short(paper.digest)}",
            "notices": [*notices, *revoked, *withdrawn, *unsigned],
            "sentences": sentences,
            "rows": rows,
            "signatures": [_signature(paper, role, party, signed, spoken) for (role, party), signed in theirs.items()],
            "others": spoken.say("page.strangers", who=spoken.listed(others)) if others else "",
            "digest": paper.digest,
            "file": TERMS_FILE,
            "attached": spoken.say("page.terms_attached", n=len(paper.message), file=TERMS_FILE),
            "label": {
                name: spoken.say(f"page.{name}")
                for name in (
                    *("signatures", "who", "as", "key", "when", "not_signed"),
                    *("terms", "terms_signed", "terms_record", "attachment"),
                )
            },
        },
        last_moment(paper, until),
        spoken=spoken,
        attached=paper.message.decode("utf-8"),
    )


def last_moment(paper: Paper, until: datetime | None = None) -> datetime | None:
    """The last thing that happened to a paper up to a moment: signed, ended or ended in part. None for a draft."""
    ended = [*([paper.revoked_at] if paper.revoked_at else []), *paper.withdrawn.values()]
    happened = [signed.at for signed in paper.signatures] + [at for at in ended if until is None or at <= until]
    return max(happened, default=None)


def _terms(paper: Paper) -> Form | None:
    try:
        return paper.terms
    except InputError:
        return None


def _by(paper: Paper, role: str, party: str) -> Signed | None:
    """The latest signature with the key of this party in this role."""
    found = [s for s in paper.signatures if (s.key.role, s.key.party) == (role, party) and s.signature.key == s.key.id]
    return max(found, key=lambda signed: signed.at, default=None)


def _name(paper: Paper, role: str, party: str) -> str:
    """The name that the document itself gives this party, its id when it gives none."""
    named = paper.document.get(role)
    if isinstance(named, Mapping) and named.get("id") == party and isinstance(named.get("name"), str):
        return named["name"]
    return party


def _who(paper: Paper, role: str, party: str, spoken: Language) -> str:
    return spoken.say("page.signer", name=_name(paper, role, party), role=spoken.word("role", role))


def _kind(paper: Paper) -> str:
    """``license`` of ``twinbook.license/1``; ``paper`` for what no language has a word for."""
    kind = str(paper.document.get("type", "")).removeprefix("twinbook.").partition("/")[0]
    return kind if language(DEFAULT).word("kind", kind) != kind else "paper"


def _lines(sentences: Sequence[str]) -> list[dict[str, object]]:
    """Sentences for the template: an item of a list, or a line, which a list may follow."""
    items = [sentence.startswith(ITEM) for sentence in sentences]
    return [
        {"text": sentence.removeprefix(ITEM), "item": item, "leads": not item and follows}
        for sentence, item, follows in zip(sentences, items, [*items[1:], False], strict=True)
    ]


def _signature(paper: Paper, role: str, party: str, signed: Signed | None, spoken: Language) -> dict[str, str]:
    return {
        "name": _name(paper, role, party),
        "party": party,
        "role": spoken.word("role", role),
        "key": short(signed.key.id) if signed else "",
        "day": spoken.day(signed.at) if signed else "",
    }
