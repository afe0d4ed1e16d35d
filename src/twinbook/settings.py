"""Settings: from the environment and the command line, in one value. `SETTINGS` names every variable that is read."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .domain.errors import InputError

# name: meaning
SETTINGS = {
    "TWINBOOK_HOME": "The folder with database, vault and keys; by default .twinbook beside the campaign file",
    "TWINBOOK_MASTER_KEY": "The master key, 32 bytes in hex or base64; by default the file keys/master.key in the home",
    "TWINBOOK_RETENTION_KEY": "The retention key, 32 bytes in hex or base64; by default the file keys/retention.key in the home",
    "TWINBOOK_RETENTION_YEARS": "How many years after the last payment's year papers are kept by law; by default 7",
    "TWINBOOK_TENANT": "Whose programme this is; by default 'home'. Nothing of one tenant is seen by another",
    "TWINBOOK_LAW": "A folder of further law packs; one with the id of a pack that ships replaces it",
    "TWINBOOK_PAPER_CERTIFICATE": "A certificate of your own to seal papers with, a PEM file; by default the home's",
    "TWINBOOK_PAPER_KEY": "The private key of that certificate, a PEM file that is yours alone",
    "TWINBOOK_SIGNING_CERTIFICATE": "A certificate of your own to sign pictures with, a PEM file; by default the home's",
    "TWINBOOK_SIGNING_KEY": "That certificate's private key, a PEM file or a pkcs11: URI (RFC 7512)",
    "TWINBOOK_SIGNING_COMMAND": "Instead of a key, a program that gets bytes on standard input and answers with their signature",
    "TWINBOOK_SIGNING_PROFILE": "'basic' to take a certificate without the C2PA conformance programme's profile",
    "TWINBOOK_IDENTITY_CERTIFICATE": "An organisation's certificate that signs manifests as well (CAWG), a PEM file; by default none",
    "TWINBOOK_IDENTITY_KEY": "The private key of that certificate, a PEM file that is yours alone",
    "TWINBOOK_TIMESTAMP_URL": "A time stamp authority (RFC 3161) for manifests and for the seals on papers; by default none",
    "TWINBOOK_TIMESTAMP_ANCHORS": "Whom stamps are believed of, a PEM file with the authority's root",
    "TWINBOOK_MATTE_MODEL": "An ONNX file of your own for rough mattes (twinbook[neural-matte]); by default none",
    "TWINBOOK_WATERMARK_MODEL": "A TOML file that describes a second watermark's network (twinbook[second-watermark]); by default none",
    "TWINBOOK_COMFYUI_URL": "A ComfyUI server to make pictures on; by default none, and no engine comfyui",
    "TWINBOOK_COMFYUI_OPERATOR": "Who runs that server, as a shot's vendor is named; by default whoever runs this home",
    "TWINBOOK_COMFYUI_FOLDER": "The server's own folder when it is on this machine: files are removed there, adapters lent",
    "TWINBOOK_COMFYUI_WORKFLOWS": "A folder of workflows of your own, in ComfyUI's API format",
    "TWINBOOK_COMFYUI_JOBS_A_DAY": "The most jobs that may be sent on a day (UTC); by default as many as are asked for",
    "TWINBOOK_COMFYUI_TOKEN": "What a proxy before the server asks for, sent as a bearer token; by default none",
    "TWINBOOK_WATCH_LIST": "A folder of photographs of people whom nobody synthetic may look like; by default none",
    "TWINBOOK_WEBHOOK_PRIVATE": "1 to let notices be sent to this machine and to private networks; by default refused",
}
DEFAULT_HOME = ".twinbook"
# Bokföringslagen (1999:1078) 7 kap. 2 §: to the end of the seventh year after the calendar year of the accounts.
RETENTION_YEARS = 7


@dataclass(frozen=True)
class Settings:
    """``master_key`` and ``retention_key`` are None when the keys lie in the home; ``law`` is the folder of further law packs, if any.
    Without ``paper_certificate`` and ``paper_key`` papers are sealed by the home's own."""

    home: Path
    tenant: str = "home"
    master_key: bytes | None = None
    law: Path | None = None
    paper_certificate: Path | None = None
    paper_key: Path | None = None
    timestamp_url: str = ""
    webhook_private: bool = False
    matte_model: Path | None = None
    watermark_model: Path | None = None
    retention_key: bytes | None = None
    retention_years: int = RETENTION_YEARS
    signing_certificate: Path | None = None
    signing_key: str = ""
    signing_command: str = ""
    signing_profile: str = ""
    timestamp_anchors: Path | None = None
    identity_certificate: Path | None = None
    identity_key: Path | None = None
    comfyui_url: str = ""
    comfyui_operator: str = ""
    comfyui_folder: Path | None = None
    comfyui_workflows: Path | None = None
    comfyui_jobs_a_day: int | None = None
    comfyui_token: str = ""
    watch_list: Path | None = None


def settings(
    environment: Mapping[str, str] = os.environ, home: Path | None = None, beside: Path | None = None
) -> Settings:
    """``home`` (the command line's word) outranks the environment, which outranks the folder ``beside``.

    Raises InputError ``key.master`` for a master key that can't be read, ``seal.certificate`` for a certificate
    without its key, ``engine.budget`` for a number of jobs that is none.
    """
    named = environment.get("TWINBOOK_HOME")
    folder = home or (Path(named) if named else (beside or Path()) / DEFAULT_HOME)
    key = environment.get("TWINBOOK_MASTER_KEY")
    law = environment.get("TWINBOOK_LAW")
    retained = environment.get("TWINBOOK_RETENTION_KEY")
    network = environment.get("TWINBOOK_MATTE_MODEL")
    second = environment.get("TWINBOOK_WATERMARK_MODEL")
    years = environment.get("TWINBOOK_RETENTION_YEARS") or str(RETENTION_YEARS)
    if not years.isdecimal() or not 0 < int(years) <= 100:
        raise InputError(
            "retention.years", f"TWINBOOK_RETENTION_YEARS is {years!r}", "give a number of years, 1 to 100"
        )
    certificate, paper_key = environment.get("TWINBOOK_PAPER_CERTIFICATE"), environment.get("TWINBOOK_PAPER_KEY")
    if bool(certificate) != bool(paper_key):
        raise InputError(
            "seal.certificate",
            "of TWINBOOK_PAPER_CERTIFICATE and TWINBOOK_PAPER_KEY only one is set",
            "set both, or neither",
        )
    signing = environment.get("TWINBOOK_SIGNING_CERTIFICATE")
    signing_key = environment.get("TWINBOOK_SIGNING_KEY", "")
    command = environment.get("TWINBOOK_SIGNING_COMMAND", "")
    if bool(signing) != (bool(signing_key) != bool(command)) or (signing_key and command):
        raise InputError(
            "seal.certificate",
            "TWINBOOK_SIGNING_CERTIFICATE goes with one of TWINBOOK_SIGNING_KEY and TWINBOOK_SIGNING_COMMAND",
            "set the certificate and one of the two, or none of them",
        )
    identity = environment.get("TWINBOOK_IDENTITY_CERTIFICATE"), environment.get("TWINBOOK_IDENTITY_KEY")
    if bool(identity[0]) != bool(identity[1]):
        raise InputError(
            "seal.certificate",
            "of TWINBOOK_IDENTITY_CERTIFICATE and TWINBOOK_IDENTITY_KEY only one is set",
            "set both, or neither",
        )
    stamps = environment.get("TWINBOOK_TIMESTAMP_ANCHORS")
    comfyui, flows = environment.get("TWINBOOK_COMFYUI_FOLDER"), environment.get("TWINBOOK_COMFYUI_WORKFLOWS")
    jobs = environment.get("TWINBOOK_COMFYUI_JOBS_A_DAY", "")
    if jobs and not (jobs.isascii() and jobs.isdecimal() and len(jobs) <= 9):
        raise InputError(
            "engine.budget", f"TWINBOOK_COMFYUI_JOBS_A_DAY is {jobs!r}", "give a number of jobs, 0 or more"
        )
    return Settings(
        folder,
        environment.get("TWINBOOK_TENANT") or "home",
        _key(key) if key else None,
        Path(law) if law else None,
        paper_certificate=Path(certificate) if certificate else None,
        paper_key=Path(paper_key) if paper_key else None,
        timestamp_url=environment.get("TWINBOOK_TIMESTAMP_URL", ""),
        matte_model=Path(network) if network else None,
        watermark_model=Path(second) if second else None,
        webhook_private=environment.get("TWINBOOK_WEBHOOK_PRIVATE") == "1",
        retention_key=_key(retained, "TWINBOOK_RETENTION_KEY", "key.retention") if retained else None,
        retention_years=int(years),
        signing_certificate=Path(signing) if signing else None,
        signing_key=signing_key,
        signing_command=command,
        signing_profile=environment.get("TWINBOOK_SIGNING_PROFILE", ""),
        timestamp_anchors=Path(stamps) if stamps else None,
        identity_certificate=Path(identity[0]) if identity[0] else None,
        identity_key=Path(identity[1]) if identity[1] else None,
        comfyui_url=environment.get("TWINBOOK_COMFYUI_URL", ""),
        comfyui_operator=environment.get("TWINBOOK_COMFYUI_OPERATOR", ""),
        comfyui_folder=Path(comfyui) if comfyui else None,
        comfyui_workflows=Path(flows) if flows else None,
        comfyui_jobs_a_day=int(jobs) if jobs else None,
        comfyui_token=environment.get("TWINBOOK_COMFYUI_TOKEN", ""),
        watch_list=Path(watched) if (watched := environment.get("TWINBOOK_WATCH_LIST")) else None,
    )


def _key(text: str, name: str = "TWINBOOK_MASTER_KEY", code: str = "key.master") -> bytes:
    for decode in (bytes.fromhex, lambda t: base64.b64decode(t, validate=True)):
        try:
            key = decode(text.strip())
        except (ValueError, binascii.Error):
            continue
        if len(key) == 32:
            return key
    raise InputError(code, f"{name} is not 32 bytes in hex or base64")
