"""The composition root: makes a home, and puts the parts of an office together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from . import durable
from .db import Database
from .domain.errors import InputError, StateError
from .keys import signatures
from .keys.certificates import (
    CA_CERTIFICATE,
    PAPER_CHAIN,
    SigningCertificate,
    create_paper_certificate,
    create_signing_certificate,
    load_certificate_files,
    load_chain_file,
    load_paper_certificate,
    load_paper_files,
    load_signing_certificate,
)
from .keys.claim_keys import command_key, pkcs11_key
from .keys.signatures import KeyFile
from .ports import (
    ClaimKey,
    Clock,
    Engine,
    Fingerprinter,
    Inventor,
    Meter,
    Reader,
    Sealer,
    SessionSheet,
    Trainer,
    WeightsShelf,
)
from .services.office import Office
from .services.permit import Register
from .settings import Settings
from .store import FileOutbox, FileScenes, FileWeights
from .vault import FileRetention, FileVault, derive

DEVELOPMENT_WARNING = (
    "Manifests are signed by a development CA made on this machine. Nobody trusts it but this home: "
    "get a certificate on the C2PA trust list before pictures go out to the public."
)
NO_STAMPS_WARNING = (
    "No time stamp authority is named in TWINBOOK_TIMESTAMP_URL: every manifest counts as invalid "
    "once the certificate that signed it has ended."
)


def marks_warnings(settings: Settings) -> tuple[str, ...]:
    """What has to be said, loudly, of the manifests that this home signs."""
    development = () if settings.signing_certificate else (DEVELOPMENT_WARNING,)
    return development + (() if settings.timestamp_url else (NO_STAMPS_WARNING,))


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class _Later:
    """Stands for a part until something is asked of it: what reads pictures takes seconds to load, and most commands read none."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> object:
        if "_part" not in self.__dict__:
            self._part = self._make()
        return getattr(self._part, name)


class _LogSigner:
    """The operator's key for checkpoints, in the home."""

    def __init__(self, file: Path, origin: str) -> None:
        self._key = KeyFile.load(file)
        self.origin, self.public = origin, self._key.public

    def sign(self, message: bytes) -> bytes:
        return self._key.sign_raw(message)


def make_home(settings: Settings, clock: Clock | None = None) -> bool:
    """Make the home's keys, certificates and database where they are missing; nothing that is there is touched.

    Returns whether anything was made.
    """
    keys = settings.home / "keys"
    new = not (keys / "log.pem").exists()
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.home.chmod(0o700)
    if settings.master_key is None and not (keys / "master.key").exists():
        if (settings.home / "vault").exists():
            raise InputError("key.master", f"{keys / 'master.key'} is gone, and the vault can't be opened without it")
        durable.write(keys / "master.key", os.urandom(32).hex().encode(), mode=0o600)
    _retention_key(settings)
    if new:
        KeyFile.make(keys / "log.pem")
    if not (keys / "c2pa").exists():
        create_signing_certificate(keys / "c2pa", "Twinbook home", (clock or SystemClock()).now())
    if settings.paper_certificate is None and not (keys / "papers" / PAPER_CHAIN).exists():
        create_paper_certificate(keys / "papers", keys / "c2pa", "Twinbook home", (clock or SystemClock()).now())
    Database(_url(settings), settings.tenant).close()
    return new


@contextmanager
def open_office(settings: Settings, clock: Clock | None = None, engines: Mapping[str, Engine] | None = None, **parts):
    """Everything wired up on a home. ``engines`` adds to or replaces the built-in ones; ``parts`` replaces any other
    port of the office. Raises InputError ``home.missing``, ``key.master``; StateError ``seal.certificate``."""
    clock = clock or SystemClock()
    keys = settings.home / "keys"
    if not (keys / "log.pem").exists():
        raise InputError("home.missing", f"there is no Twinbook home in {settings.home}")
    master = settings.master_key or _key(keys / "master.key", "key.master")
    retention = _retention_key(settings)
    database = Database(_url(settings), settings.tenant)
    try:
        if "sealer" not in parts or "reader" not in parts:
            parts = _marks(settings, clock) | parts
        if "fingerprinter" not in parts:
            parts["fingerprinter"] = _Later(fingerprinter)
        if "meter" not in parts:
            parts["meter"] = _Later(lambda: meter(settings.matte_model))
        if "weights" not in parts:
            parts["weights"] = FileWeights(settings.home / "weights", clock)
        if "trainer" not in parts:
            parts["trainer"] = _Later(_trainer)
        if "inventor" not in parts:
            parts["inventor"] = _Later(_inventor)
        if "composite" not in (engines or {}):
            engines = _engines(settings, parts["weights"]) | dict(engines or {})
        if "documents" not in parts:
            from .documents import Papers

            sealing = _paper_certificate(settings, clock)
            parts["documents"] = Papers(clock, sealing.chain_pem, sealing.private_key_pem, settings.timestamp_url)
        if "interchange" not in parts:
            from .interchange import JsonInterchange

            parts["interchange"] = JsonInterchange()
        if "post" not in parts:
            from .post import HttpPost

            parts["post"] = HttpPost(inside=settings.webhook_private)
        if "law" not in parts:
            from .law import load

            parts["law"] = load(settings.law)
        yield Office(
            clock=clock,
            verify=signatures.verify,
            unit=database.unit,
            compact=database.compact,
            retention=FileRetention(settings.home / "vault" / "retention", retention),
            retention_years=settings.retention_years,
            vault=FileVault(settings.home / "vault", master, Register(database.unit, clock), clock),
            engines=engines,
            scenes=FileScenes(settings.home / "scenes"),
            outbox=FileOutbox(settings.home / "outbox"),
            log_signer=_LogSigner(keys / "log.pem", f"twinbook.local/{settings.tenant}"),
            token=os.urandom,
            permit_key=derive(master, "permit"),
            **{"watch_list": settings.watch_list, **parts},
        )
    finally:
        database.close()


def fingerprinter() -> Fingerprinter:
    """The fingerprinter by itself, for looking a picture up in a registry file without a home."""
    from .reader import PictureFingerprinter

    return PictureFingerprinter()


def reader(settings: Settings) -> Reader:
    """The reader by itself. It trusts the signers of a home, if there is one, and nobody otherwise."""
    from .reader import ImageReader

    return ImageReader(anchors(settings))


def fetch_registry(url: str) -> object:
    """A service's signed registry, not verified yet. Raises InputError and StateError ``registry.unreachable``."""
    from .post import fetch_registry as fetch

    return fetch(url)


def serve(settings: Settings, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Answer over HTTP until interrupted. Raises InputError ``service.missing`` without the extra, ``home.missing``."""
    try:
        import uvicorn

        from .web.resolution import resolution_app
    except ImportError as error:
        raise InputError("service.missing", f"{error.name} is not installed") from error
    with open_office(settings) as office:
        tell(f"answering on http://{host}:{port}; stop with Ctrl-C")
        uvicorn.run(
            resolution_app(office),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,  # who looks a picture up is nobody's business
            server_header=False,
            proxy_headers=False,  # else a client could call itself another at every question
            limit_concurrency=64,
            timeout_keep_alive=5,
            h11_max_incomplete_event_size=16 * 1024,
            ws="none",
            lifespan="off",
        )


def meter(matte_model: Path | None = None) -> Meter:
    """The meter by itself, for judging photographs without a home. ``matte_model`` is an ONNX file for rough mattes."""
    from .vision import DlibMeter

    return DlibMeter(font=(files(__package__) / "seal" / "label.ttf").read_bytes(), matte_model=matte_model)


def session_page(sheet: SessionSheet) -> str:
    """A capture session's report, for which no home is needed either."""
    from .documents import Papers

    return Papers().session_sheet(sheet)


def rotate_master(settings: Settings, new: bytes, clock: Clock | None = None) -> int:
    """Let a new master key open the vault instead of the old one; returns how many data keys were wrapped anew.

    A key that lies in the home is replaced; one in TWINBOOK_MASTER_KEY is for whoever set it to change afterwards. Broken
    off anywhere, the same call goes on. Permits of before, at most a quarter of an hour old, are worth nothing after.
    Raises InputError ``home.missing``, ``key.master``; StateError ``vault.busy``.
    """
    file = settings.home / "keys" / "master.key"
    if not (settings.home / "keys" / "log.pem").exists():
        raise InputError("home.missing", f"there is no Twinbook home in {settings.home}")
    master = settings.master_key or _key(file, "key.master")
    database, clock = Database(_url(settings), settings.tenant), clock or SystemClock()
    try:
        vault = FileVault(settings.home / "vault", master, Register(database.unit, clock), clock)
        adopted = (
            (lambda: None) if settings.master_key else (lambda: durable.write(file, new.hex().encode(), mode=0o600))
        )
        return vault.rotate_master(new, adopted)
    finally:
        database.close()


def read_key(file: Path) -> bytes:
    """32 bytes in hex. Raises InputError ``key.master``."""
    key = _key(file, "key.master")
    if len(key) != 32:
        raise InputError("key.master", f"the key {file} has not 32 bytes", "make one: openssl rand -hex 32")
    return key


def anchors(settings: Settings) -> str:
    """The development CA of a home, PEM; empty when there is no home."""
    file = settings.home / "keys" / "c2pa" / CA_CERTIFICATE
    return file.read_text() if file.exists() else ""


def paper_anchors(settings: Settings, clock: Clock | None = None) -> str:
    """Who may seal papers of this home: its development CA, and whoever issued the certificate in the settings. PEM.

    Raises StateError ``seal.certificate`` when that certificate is unusable."""
    named = _paper_certificate(settings, clock or SystemClock()).anchors_pem if settings.paper_certificate else ""
    return anchors(settings) + named


def campaign_template() -> str:
    """The commented campaign file that `twinbook init` writes."""
    return (files("twinbook") / "campaign_template.toml").read_text(encoding="utf-8")


def _marks(settings: Settings, clock: Clock) -> dict[str, object]:
    certificate, key = _signing(settings, clock)
    named = _identity(settings, clock)
    # What was signed before there was a certificate of one's own stays trusted.
    trusted = certificate.anchors_pem + (anchors(settings) if settings.signing_certificate else "")
    stamps = _text(settings.timestamp_anchors) if settings.timestamp_anchors else ""

    def sealer() -> Sealer:
        from .seal import Identity, ImageSealer

        return ImageSealer(
            certificate.chain_pem,
            certificate.private_key_pem,
            key=key,
            timestamp_url=settings.timestamp_url,
            second=settings.watermark_model,
            identity=Identity(named.chain_pem, named.private_key_pem) if named else None,
        )

    def reader() -> Reader:
        from .reader import ImageReader

        return ImageReader(trusted, stamps, settings.watermark_model, named.anchors_pem if named else "")

    return {"sealer": _Later(sealer), "reader": _Later(reader)}


def _signing(settings: Settings, clock: Clock) -> tuple[SigningCertificate, ClaimKey | None]:
    """The certificate for pictures, with its key unless that lies elsewhere."""
    chain, now = settings.signing_certificate, clock.now()
    if chain is None:
        return load_signing_certificate(settings.home / "keys" / "c2pa", now), None
    profile = settings.signing_profile != "basic"
    if settings.signing_command:
        certificate = load_chain_file(chain, now, profile=profile)
        return certificate, command_key(settings.signing_command, certificate.chain_pem)
    if settings.signing_key.startswith("pkcs11:"):
        certificate = load_chain_file(chain, now, profile=profile)
        return certificate, pkcs11_key(settings.signing_key, certificate.chain_pem)
    return load_certificate_files(chain, Path(settings.signing_key), None, now, profile=profile), None


def _identity(settings: Settings, clock: Clock) -> SigningCertificate | None:
    """The certificate of the organisation that signs beside, held to what signs pictures is held to."""
    if settings.identity_certificate is None:
        return None
    return load_certificate_files(settings.identity_certificate, settings.identity_key, None, clock.now())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StateError("seal.certificate", f"{file} can't be read as PEM") from error


def _paper_certificate(settings: Settings, clock: Clock) -> SigningCertificate:
    if settings.paper_certificate and settings.paper_key:
        return load_paper_files(settings.paper_certificate, settings.paper_key, clock.now())
    keys = settings.home / "keys"
    return load_paper_certificate(keys / "papers", keys / "c2pa", clock.now())


def _engines(settings: Settings, shelf: WeightsShelf) -> dict[str, Engine]:
    def composite() -> Engine:
        from .engines.composite import CompositeEngine

        return CompositeEngine()

    def comfyui() -> Engine:
        from .engines.comfyui import ComfyEngine, ComfySettings

        return ComfyEngine(
            ComfySettings(
                url=settings.comfyui_url,
                lock=settings.home / "locks" / "comfyui",
                operator=settings.comfyui_operator,
                folder=settings.comfyui_folder,
                workflows=settings.comfyui_workflows,
                jobs_a_day=settings.comfyui_jobs_a_day,
                token=settings.comfyui_token,
            )
        )

    engines = {"composite": _Later(composite), "diffusion": _Later(lambda: _diffusion(shelf))}
    return engines | ({"comfyui": _Later(comfyui)} if settings.comfyui_url else {})


def _diffusion(shelf: WeightsShelf) -> Engine:
    """Raises InputError ``diffusion.missing`` without the extra."""
    try:
        from .engines.diffusion import DiffusionEngine
    except ImportError as error:
        raise InputError("diffusion.missing", f"{error.name} is not installed") from error
    return DiffusionEngine(shelf)


def _inventor() -> Inventor:
    """Raises InputError ``diffusion.missing`` without the extra."""
    try:
        from .engines.diffusion import PictureInventor
    except ImportError as error:
        raise InputError("diffusion.missing", f"{error.name} is not installed") from error
    return PictureInventor()


def _trainer() -> Trainer:
    """Raises InputError ``diffusion.missing`` without the extra."""
    try:
        from .engines.diffusion import LoraTrainer
    except ImportError as error:
        raise InputError("diffusion.missing", f"{error.name} is not installed") from error
    return LoraTrainer()


def _retention_key(settings: Settings) -> bytes:
    """Made where it is missing, as long as nothing is kept under it."""
    file = settings.home / "keys" / "retention.key"
    if settings.retention_key is None and not file.exists():
        if (settings.home / "vault" / "retention").exists():
            lost = f"{file} is gone, and the papers under retention can't be read without it"
            raise InputError("key.retention", lost)
        durable.write(file, os.urandom(32).hex().encode(), mode=0o600)
    return settings.retention_key or _key(file, "key.retention")


def _key(file: Path, code: str) -> bytes:
    try:
        return bytes.fromhex(file.read_text().strip())
    except (OSError, ValueError) as error:
        raise InputError(code, f"the key {file} can't be read") from error


def _url(settings: Settings) -> str:
    return f"sqlite:///{settings.home.resolve() / 'twinbook.db'}"
