"""Rows to values and back: plain functions, no mapped classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from twinbook.domain.brief import Shot
from twinbook.domain.consent import Part
from twinbook.domain.errors import Reason
from twinbook.domain.fidelity import Bound, Finding, Measurement, Outcome, Untold
from twinbook.domain.paper import Paper, Signed
from twinbook.domain.party import Duty, Key, Party, Role, Signature
from twinbook.domain.provenance import ReleaseId, SourceType
from twinbook.domain.twin import Backdrop, Box, PlateFacts, Twin, TwinKind
from twinbook.domain.work import Copy, Made, Stage, Work


def party_of(row) -> Party:
    return Party(row.id, Role(row.role), row.name, date.fromisoformat(row.born) if row.born else None)


def key_of(row) -> Key:
    return Key(
        row.id,
        row.algorithm,
        row.public,
        row.party,
        Role(row.role),
        row.rp_id,
        row.origin,
        frozenset(Duty(duty) for duty in json.loads(row.duties)),
        _moment(row.since),
        _moment(row.until),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def paper_of(row, signatures: Sequence[tuple[object, Key]], withdrawals: Sequence) -> Paper:
    """``signatures`` are rows, each with its key; ``withdrawals`` rows of parts that were withdrawn."""
    return Paper(
        document=json.loads(row.document) if row.document else {"type": row.kind},
        signatures=tuple(
            Signed(Signature(s.key, s.algorithm, s.value, json.loads(s.evidence)), key, _moment(s.signed_at))
            for s, key in signatures
        ),
        revoked_at=_moment(row.revoked_at),
        withdrawn={Part(w.part): _moment(w.at) for w in withdrawals},
        drawn_at=_moment(row.drawn_at),
    )


def twin_of(row) -> Twin:
    plates = tuple(
        PlateFacts(**{**p, "face": Box(**p["face"]), "person": Box(**p["person"]), "backdrop": Backdrop(p["backdrop"])})
        for p in json.loads(row.plates)
    )
    return Twin(row.id, row.talent, row.version, TwinKind(row.kind), plates)


def plates_text(twin: Twin) -> str:
    return json.dumps([asdict(plate) for plate in twin.plates])


def finding_of(data: dict) -> Finding:
    measured = data["measurement"]
    where = tuple(Box(**box) for box in measured["where"])
    measurement = Measurement(**{**measured, "untold": Untold(measured["untold"]), "where": where})
    return Finding(measurement, Bound(**data["bound"]), Outcome(data["outcome"]))


def work_text(work: Work) -> str:
    """Everything but what has a column of its own."""
    made = work.made
    return json.dumps(
        {
            "name": work.name,
            "shot": work.shot.document(),
            "licenses": dict(work.licenses),
            "attempt": work.attempt,
            "plates": dict(work.plates),
            "made": made and {**asdict(made), "seconds": dict(made.seconds)},
            "findings": [asdict(finding) for finding in work.findings],
            "calibrated": work.calibrated,
            "reasons": [why.document() for why in work.reasons],
            "staged": work.staged,
            "copies": [asdict(copy) for copy in work.copies],
            "released_at": work.released_at.isoformat() if work.released_at else None,
        }
    )


def _plates_of(data: dict) -> dict[str, str]:
    """Shots stored before several talents could be in one had one plate."""
    if "plates" in data:
        return data["plates"]
    return {data["shot"]["talents"][0]: data["plate"]} if data.get("plate") else {}


def work_of(row) -> Work:
    data = json.loads(row.document)
    made = data["made"]
    return Work(
        id=row.id,
        campaign=row.campaign,
        name=data["name"],
        shot=Shot.from_document(data["shot"]),
        licenses=data["licenses"],
        release=ReleaseId(row.release),
        stage=Stage(row.stage),
        attempt=data["attempt"],
        version=row.version,
        plates=_plates_of(data),
        made=made
        and Made(
            picture=made["picture"],
            sha256=made["sha256"],
            faces=tuple(Box(**box) for box in made["faces"]),
            person=Box(**made["person"]),
            source_type=SourceType(made["source_type"]),
            operations=tuple(made["operations"]),
            engine_version=made["engine_version"],
            seconds=made["seconds"],
            hands=tuple(Box(**box) for box in made.get("hands", ())),
        ),
        findings=tuple(finding_of(f) for f in data["findings"]),
        calibrated=data["calibrated"],
        reasons=tuple(Reason(**why) for why in data["reasons"]),
        staged=data["staged"],
        copies=tuple(Copy(**copy) for copy in data["copies"]),
        released_at=datetime.fromisoformat(data["released_at"]) if data["released_at"] else None,
    )
