"""Public fakes of the ports, for tests of Twinbook and of what is built on it. They keep their ports' promises.

A fake measures and marks real pixels, only in the simplest way that can fail: the fake face is the picture's mean
colour, the fake seal a text chunk with a hash of the pixels. Database, vault, keys and files are the real ones.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from . import app
from .documents import wording, words
from .documents.pictures import png
from .domain import capture, webhook
from .domain.brief import Recolor, Shot
from .domain.campaign import Campaign, CampaignShot, CastTalent, ConsentTerms, LicenseTerms
from .domain.capture import Look, Note, Verdict
from .domain.consent import Consent, Part
from .domain.errors import CaptureRefused, EngineRefused, InputError, TwinbookError, VaultRefused, reason
from .domain.fidelity import Calibration, Finding, Measurement
from .domain.form import Form
from .domain.license import License, Split
from .domain.money import Money
from .domain.paper import Paper
from .domain.party import Party, Role
from .domain.permit import Act
from .domain.provenance import (
    CopyScore,
    CopyTrace,
    Likeness,
    ManifestReading,
    Marking,
    Reading,
    ReleaseId,
    WatermarkReading,
)
from .domain.twin import Backdrop, Box, Framing, PlateFacts, View
from .domain.weights import Checkpoint, Weights
from .keys.signatures import KeyFile
from .law import load
from .ports import (
    Asked,
    CopyCode,
    Disclosure,
    Engine,
    EngineProfile,
    Enrolled,
    Plan,
    Plate,
    Rendering,
    RenderJob,
    Sealed,
    SessionSheet,
    Sheet,
    Trained,
    TrainingCard,
    TrainingJob,
)
from .services import sign
from .services.office import Office
from .settings import Settings

DATABASE = "twinbook.db"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_days(self, days: int) -> None:
        self.at += timedelta(days=days)


def _middle(width: int, height: int) -> Box:
    return Box(width * 3 // 8, height // 8, width // 4, height // 4)


def _pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


class FakeSession:
    """Everything that is an image is a good frontal portrait."""

    def __init__(self) -> None:
        self._verdicts: list[Verdict] = []

    def add(self, photo: Path) -> Verdict:
        try:
            height, width = _pixels(photo).shape[:2]
        except (UnidentifiedImageError, OSError):
            note = Note(reason("capture.unreadable", f"{photo.name} is not an image"))
            verdict = Verdict(photo.name, None, (note,))
        else:
            face = _middle(width, height)
            look = Look(
                photo.name, width, height, face, View.FRONT, Framing.HALF, 0.0, 0.0, 0.0, focus=10.0, light=70.0
            )
            verdict = Verdict(photo.name, look)
        self._verdicts.append(verdict)
        return verdict

    def verdicts(self) -> Sequence[Verdict]:
        return tuple(self._verdicts)


class FakeMeter:
    """Takes a picture's mean colour for the face: a picture of another colour is another person. ``further`` are more
    measurements, the same for every picture."""

    def __init__(self, *further: Measurement) -> None:
        self.further = further

    maker = "fake 1"

    def session(self, *, compare: bool = True) -> FakeSession:
        return FakeSession()

    def enroll(
        self,
        captures: Sequence[Path],
        progress: Callable[[str], None],
        keep: Callable[[Plate], None] | None = None,
        *,
        tell: Callable[[Verdict], None] = lambda verdict: None,
        named: Collection[str] = (),
    ) -> Enrolled:
        session = self.session()
        for file in captures:
            progress(file.name)
            tell(session.add(file))
        verdicts = capture.choose(session.verdicts(), named, most=100)
        refused = []
        plates, facts = [], []
        for file, verdict in zip(captures, verdicts, strict=True):
            if not verdict.kept:
                why = verdict.notes[0].reason
                refused.append((file.name, CaptureRefused(why.code, why.diagnosis)))
                continue
            plate = self._plate(file, verdict.look)
            facts.append(plate.facts)
            (keep or plates.append)(plate)
        if not facts:
            raise CaptureRefused("capture.none", "no photograph is usable")
        return Enrolled(tuple(facts), tuple(plates), tuple(refused), verdicts)

    def _plate(self, file: Path, look: Look) -> Plate:
        rgb = _pixels(file)
        name = hashlib.sha256(rgb.tobytes()).hexdigest()[:16]
        facts = PlateFacts(
            name,
            file.stem,
            look.width,
            look.height,
            look.face,
            look.face.grown(0.5),
            Backdrop.PLAIN,
            look.focus,
            look.view,
            look.framing,
            look.yaw,
            look.pitch,
            maker=self.maker,
        )
        alpha = np.full(rgb.shape[:2], 255, np.uint8)
        return Plate(facts, rgb, alpha, np.zeros((5, 2), np.float32), self._face(rgb), rgb.mean((0, 1)))

    def measure(self, rgb_srgb: np.ndarray, plates: Sequence[Plate], asked: Asked) -> Sequence[Measurement]:
        face = self._face(rgb_srgb)
        distance = min(float(np.linalg.norm(face - plate.embedding)) for plate in plates)
        lighter = float(rgb_srgb.mean() - plates[0].rgb_srgb.mean()) / 2.55
        return (
            Measurement("identity.distance", distance),
            Measurement("skin.delta_e", abs(lighter)),
            Measurement("skin.delta_l", lighter),
            *self.further,
        )

    def distance(self, rgb_srgb: np.ndarray, plates: Sequence[Plate]) -> float | None:
        face = self._face(rgb_srgb)
        return min((float(np.linalg.norm(face - p.embedding)) for p in plates if p.recognisable), default=None)

    def apart(self, plates: Sequence[Plate], others: Sequence[Plate]) -> float | None:
        pairs = [(a, b) for a in plates for b in others if a.recognisable and b.recognisable]
        return min((float(np.linalg.norm(a.embedding - b.embedding)) for a, b in pairs), default=None)

    def templates(self, picture: Path | np.ndarray) -> Sequence[Plate]:
        try:
            rgb = picture if isinstance(picture, np.ndarray) else _pixels(picture)
        except (UnidentifiedImageError, OSError) as error:
            raise CaptureRefused("capture.unreadable", f"{picture} is not an image") from error
        high, wide = rgb.shape[:2]
        facts = PlateFacts("face", "face", wide, high, _middle(wide, high), Box(0, 0, wide, high), Backdrop.BUSY, 0.0)
        nothing = np.empty((0, 0, 3), np.uint8)
        return (Plate(facts, nothing, None, np.zeros((5, 2), np.float32), self._face(rgb), np.zeros(3)),)

    def faces(self, rgb_srgb: np.ndarray) -> Sequence[Box]:
        return (_middle(rgb_srgb.shape[1], rgb_srgb.shape[0]),)

    def calibrate(self, plates: Sequence[Plate]) -> Calibration:
        return Calibration(tuple(0.3 for _ in plates) if len(plates) > 1 else ())

    def annotate(self, rgb_srgb: np.ndarray, findings: Sequence[Finding]) -> tuple[np.ndarray, Box]:
        marked = rgb_srgb.copy()
        for finding in findings:
            for box in finding.measurement.where:
                marked[box.top : box.bottom, box.left : box.right] = 255 if finding.ok else 0
        return marked, Box(0, 0, marked.shape[1], marked.shape[0])

    def _face(self, rgb_srgb: np.ndarray) -> np.ndarray:
        height, width = rgb_srgb.shape[:2]
        box = _middle(width, height)
        mean = rgb_srgb[box.top : box.bottom, box.left : box.right].mean((0, 1)) / 255
        return np.concatenate([mean, np.zeros(125)])


class FakeEngine(Engine):
    """Paints the border of the plate; what is asked of it with ``spoil`` it does to the picture afterwards."""

    def __init__(self, spoil: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
        self.renders = 0
        self.never: dict[str, frozenset[str]] = {}
        self._spoil = spoil

    def profile(self) -> EngineProfile:
        operations = frozenset({"scene", "recolor", "generate"})
        return EngineProfile("fake", "1", operations, 10**8, True, {"code": "Apache-2.0"})

    def plan(
        self,
        shot: Shot,
        plates: Mapping[str, Sequence[PlateFacts]],
        checkpoints: Mapping[str, Sequence[Checkpoint]] = MappingProxyType({}),
    ) -> Plan:
        missing = set(shot.operations) - self.profile().operations
        if missing:
            raise EngineRefused("engine.operation", f"this engine can't {', '.join(sorted(missing))}")
        named = [facts for of_one in plates.values() for facts in of_one if shot.plate in (None, facts.photo)]
        if not named or not all(plates.get(talent) for talent in shot.talents):
            raise EngineRefused("engine.plate", "no plate fits the shot")
        chosen = {}
        for talent in shot.talents:
            chosen[talent] = next((facts for facts in plates[talent] if facts in named), plates[talent][0]).id
        return Plan(chosen, shot.operations, checkpoints=self._loaded(shot, checkpoints))

    def _loaded(self, shot: Shot, checkpoints: Mapping[str, Sequence[Checkpoint]]) -> dict[str, str]:
        """The newest checkpoint of each talent on the weights that the shot names."""
        if shot.generate is None:
            return {}
        loaded = {}
        for talent in shot.talents:
            fit = [each.id for each in checkpoints.get(talent, ()) if each.weights == shot.generate.weights]
            if not fit:
                raise EngineRefused("engine.checkpoint", f"nothing was trained on {talent} and {shot.generate.weights}")
            loaded[talent] = fit[-1]
        return loaded

    def _render(self, job: RenderJob) -> Rendering:
        self.renders, self.never = self.renders + 1, dict(job.never)
        loaded = {talent: job.twins[talent].weights(name) for talent, name in job.plan.checkpoints.items()}
        plate = job.twins[job.shot.talents[0]].plate(job.plan.plate)
        picture = plate.rgb_srgb.copy()
        altered = np.zeros(picture.shape[:2], bool)
        altered[:4] = altered[-4:] = True
        picture[altered] = 40
        for step in range(1, 31):
            job.progress(step, 30)
        if self._spoil:
            picture = self._spoil(picture)
        return Rendering(
            picture,
            plate.alpha,
            altered,
            np.ones(picture.shape[:2], bool) if loaded else None,
            job.plan.operations,
            {"plate": job.plan.plate} | {talent: hashlib.sha256(data).hexdigest() for talent, data in loaded.items()},
            {"render": 0.0},
        )


class FakeTrainer:
    """Learns the mean colour of her plates; a validation picture is that colour. Saves and resumes as the port says.
    ``before`` hears each step before it is done, and may do what happens to a training: raise, kill, have her withdraw."""

    def __init__(self, before: Callable[[int], None] = lambda step: None) -> None:
        self.steps: list[int] = []
        self._before = before

    def train(self, job: TrainingJob, progress: Callable[[int, int, float], None]) -> Trained:
        if job.twin.permit.act is not Act.TRAIN:
            raise EngineRefused("engine.permit", "the twin isn't open to train")
        state, plan = f"{job.name}/state", job.plan
        losses, scores = self._resumed(job, state)
        colour = np.mean([job.twin.plate(name).rgb_srgb.mean((0, 1)) for name in job.plates], axis=0)
        picture = np.full((plan.resolution // 8, plan.resolution // 8, 3), colour, np.uint8)
        for step in range(len(losses) + 1, plan.steps + 1):
            self._before(step)
            self.steps.append(step)
            losses[step] = 1 / (step + plan.seed)
            if step % plan.validate_every == 0 or step == plan.steps:
                score = job.score([picture] * plan.validation_pictures)
                scores |= {} if score is None else {step: score}
            if step % plan.save_every == 0:
                job.twin.put_weights(state, json.dumps([losses, scores]).encode())
            progress(step, plan.steps, losses[step])
        best = max(scores, key=lambda step: (scores[step], step), default=plan.steps)
        header = json.dumps({"__metadata__": {"step": str(best), "colour": str(colour.round().astype(int).tolist())}})
        adapter = len(header).to_bytes(8, "little") + header.encode()
        return Trained(adapter, best, losses, scores, tuple(job.plates), 0.0, 0, (state,))

    def _resumed(self, job: TrainingJob, state: str) -> tuple[dict[int, float], dict[int, float]]:
        try:
            saved = json.loads(job.twin.weights(state))
        except VaultRefused as error:
            if error.code != "vault.missing":
                raise
            return {}, {}
        losses, scores = ({int(step): value for step, value in each.items()} for each in saved)
        return losses, scores


class FakeInventor:
    """Plain pictures of a colour that the seed gives, each with the prompt's length as a mark; ``prompts`` are those it heard."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def invent(
        self, folder: Path, weights: Weights, prompts: Sequence[str], against: str, seed: int, side: int, steps: int
    ) -> Iterator[np.ndarray]:
        for number, prompt in enumerate(prompts):
            self.prompts.append(prompt)
            colour = np.random.default_rng(seed).integers(60, 200, 3)
            picture = np.full((128, 96, 3), colour, np.uint8)
            picture[100:110, 10 + number] = 0
            yield picture


class FakeSealer:
    """Marks a PNG with its marking and a hash of its pixels, in a text chunk."""

    def seal(self, rgb_srgb: np.ndarray, marking: Marking, code: CopyCode | None = None) -> Sealed:
        text = PngInfo()
        data = {
            "release": marking.release.hex,
            "label": marking.label,
            "aigc": marking.release.hex if marking.aigc else None,
            "source_type": marking.source_type.uri,
            "pixels": hashlib.sha256(rgb_srgb.tobytes()).hexdigest(),
            "code": code and _code_of(code.secret, code.name),
        }
        text.add_text("twinbook", json.dumps(data))
        out = io.BytesIO()
        Image.fromarray(rgb_srgb).save(out, "PNG", pnginfo=text)
        return Sealed(out.getvalue(), marking.label, rgb_srgb)

    def original(self, rgb_srgb: np.ndarray, marking: Marking) -> np.ndarray:
        return rgb_srgb


def _code_of(secret: bytes, name: str) -> str:
    return hashlib.sha256(secret + name.encode()).hexdigest()


class FakeReader:
    """Reads what `FakeSealer` wrote; a picture whose pixels don't fit their hash has an invalid manifest."""

    def read(self, data: bytes) -> Reading:
        rgb, marks = self._open(data)
        release = marks.get("release")
        state = "absent"
        if marks:
            state = "trusted" if marks["pixels"] == hashlib.sha256(rgb.tobytes()).hexdigest() else "invalid"
        return Reading(
            media_type="image/png",
            width=rgb.shape[1],
            height=rgb.shape[0],
            manifest=ManifestReading(state, "fake", release),
            watermark=WatermarkReading(ReleaseId(release) if release else None, 1.0 if release else 0.0),
            source_type=marks.get("source_type"),
            xmp_release=release,
            label=marks.get("label"),
            label_contrast=21.0 if marks else None,
            aigc=marks.get("aigc"),
        )

    def compare(self, found: bytes, issued: bytes) -> Likeness | None:
        one, other = self._open(found)[0], self._open(issued)[0]
        if one.shape != other.shape:
            return None
        departs = np.abs(one.astype(int) - other).max(2) > 8
        return Likeness(float(departs.mean()), float(np.abs(one.astype(int) - other).max()))

    def draw_alterations(self, found: bytes, issued: bytes) -> bytes | None:
        if self.compare(found, issued) is None:
            return None
        one, other = self._open(found)[0], self._open(issued)[0]
        return png(np.abs(one.astype(int) - other).astype(np.uint8))

    def trace(
        self, found: bytes, original_srgb: np.ndarray, secret: bytes, copies: Sequence[str], in_place: bool = False
    ) -> CopyTrace | None:
        rgb, marks = self._open(found)
        if rgb.shape != original_srgb.shape:
            return None
        scores = [CopyScore(copy, 100.0 * (marks.get("code") == _code_of(secret, copy))) for copy in copies]
        return CopyTrace(tuple(sorted(scores, key=lambda each: -each.score)), 10.0, 1e-6, 1.0)

    def _open(self, data: bytes) -> tuple[np.ndarray, dict]:
        try:
            with Image.open(io.BytesIO(data)) as image:
                return np.asarray(image.convert("RGB")), json.loads(image.info.get("twinbook", "{}"))
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise InputError("image.unreadable", "this is not an image") from error


class FakeDocuments:
    """Papers as plain text."""

    def contact_sheet(self, sheet: Sheet) -> str:
        return "\n".join(f"{shot.name}: {shot.outcome}" for shot in sheet.shots)

    def session_sheet(self, sheet: SessionSheet) -> str:
        return "\n".join(f"{verdict.photo}: {verdict.state}" for verdict in sheet.verdicts)

    def disclosure(self, disclosure: Disclosure, language: str = "en") -> str:
        files = (file for section in disclosure.sections.values() for file in section)
        return "\n".join([disclosure.name, *files])

    def png(self, rgb_srgb: np.ndarray, alpha: np.ndarray | None = None) -> bytes:
        return png(rgb_srgb, alpha)

    def training_card(self, card: TrainingCard) -> bytes:
        made = card.checkpoint
        return "\n".join([card.talent_name, made.weights, made.licence, made.sha256, *made.plates]).encode()

    def statement_pdf(self, statement) -> bytes:
        return self.statement_csv(statement).encode()

    def statement_csv(self, statement) -> str:
        return "".join(f"{line.kind},{line.release},{line.party},{line.amount}\n" for line in statement.lines)

    def speaks(self, language: str) -> bool:
        return wording.speaks(language)

    def plain_words(self, terms: Form, language: str = "en") -> Sequence[str]:
        return words.plain_words(terms, language)

    def paper_pdf(self, paper: Paper, language: str = "en") -> bytes:
        return "\n".join([*self.plain_words(paper.terms, language), paper.digest]).encode()

    def deal_memo_pdf(self, license: Paper, language: str = "en") -> bytes:
        rows = words.deal_memo(license.terms, language)
        lines = [line for heading, sentences in rows for line in (heading, *sentences)]
        return "\n".join([*lines, license.digest]).encode()


class FakePost:
    """Sends nothing and keeps what it was given in ``sent``: URL, headers and body. ``answers`` are the statuses to give in
    turn, the last one for ever; a TwinbookError among them is raised, as when nobody answers."""

    def __init__(self, *answers: int | TwinbookError) -> None:
        self.answers, self.sent = list(answers) or [204], []

    def check(self, url: str) -> None:
        where = webhook.target(url)
        why = webhook.unsafe(where, where.literal or "93.184.215.14", inside=False)
        if why:
            raise InputError("notice.address", f"notices can't be sent there: {why}")

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.check(url)
        self.sent.append((url, dict(headers), body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, TwinbookError):
            raise answer
        return answer


@cache
def _certificates(at: datetime) -> tuple[Path, ...]:
    """The development certificates of one home, made once for all fake offices: RSA keys take their time."""
    kept = Path(tempfile.mkdtemp(prefix="twinbook-certificates-"))
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    app.make_home(Settings(kept), FakeClock(at))
    return kept / "keys" / "c2pa", kept / "keys" / "papers"


@cache
def _blank_database() -> Path:
    """A database with nothing in it, made once for all fake offices: its migrations take longer than most tests."""
    kept = Path(tempfile.mkdtemp(prefix="twinbook-database-"))
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    app.make_home(Settings(kept), FakeClock())
    return kept / DATABASE


@contextmanager
def open_fake_office(folder: Path, clock: FakeClock | None = None, engine: Engine | None = None, **parts):
    """An office with real database, vault, keys and files in ``folder``, and fakes for pixels and papers. The fake
    engine answers to the name ``composite`` as well. ``parts`` replaces any port."""
    clock = clock or FakeClock()
    where = Settings(folder / "home")
    fake = engine or FakeEngine()
    fakes = {"meter": FakeMeter(), "sealer": FakeSealer(), "reader": FakeReader(), "documents": FakeDocuments()}
    fakes |= {"post": FakePost(), "law": load(), "trainer": FakeTrainer(), "inventor": FakeInventor()}
    for certificates in _certificates(clock.now()):
        if not (where.home / "keys" / certificates.name).exists():
            shutil.copytree(certificates, where.home / "keys" / certificates.name)
    if not (where.home / DATABASE).exists():
        shutil.copy(_blank_database(), where.home / DATABASE)
    app.make_home(where, clock)
    with app.open_office(where, clock, {"fake": fake, "composite": fake}, **{**fakes, **parts}) as office:
        yield office


# --- a small world to test in -----------------------------------------------------------------------------------


def photographs(folder: Path, colours: Sequence[tuple[int, int, int]] = ((180, 140, 120), (182, 142, 121))) -> Path:
    """A folder of plain drawings, one a colour, 96 by 128 pixels, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, colour in enumerate(colours):
        pixels = np.full((128, 96, 3), colour, np.uint8)
        pixels[100:110, 10 + number] = 0
        Image.fromarray(pixels).save(folder / f"view-{number}.png")
    return folder


def campaign(photos: Path, shots: Sequence[Shot] = (), **changes) -> Campaign:
    """Mira's campaign for Tvaton. ``changes`` replaces terms of consent and license by name: ``min_fee``, ``until``,
    ``channels``, ``fee``, ``term_days``, …; where both have one the license's is meant, ``consent_channels`` the other."""
    consent = {
        "purpose": "e-commerce images",
        "parts": (Part.CAPTURE, Part.TEMPLATE, Part.GENERATE),
        "until": date(2027, 6, 1),
        "channels": ("instagram", "tiktok", "web"),
        "territories": ("DE", "SE"),
        "never": ("fur", "tobacco"),
        "min_fee": Money.parse("300 EUR"),
        "max_images_per_month": 40,
    }
    license = {
        "category": "fast fashion",
        "fee": Money.parse("450 EUR"),
        "channels": ("instagram", "web"),
        "territories": ("SE",),
        "term_days": 90,
        "split": Split(Fraction(20), {"Ida Berg (hair)": Fraction(3)}),
    }
    born = changes.pop("born", date(1998, 3, 14))
    brand = changes.pop("brand", Party("tvaton", Role.BRAND, "Tvaton"))
    exclusive = changes.pop("exclusive", None)
    own = {name: changes.pop(name) for name in ("day_rate", "based_in", "language", "replaces") if name in changes}
    for name, value in changes.items():
        if name.startswith(("consent_", "license_")):
            paper, _, name = name.partition("_")
            (consent if paper == "consent" else license)[name] = value
        else:
            (license if name in _LICENSE_TERMS else consent)[name] = value
    terms = {name: _as_set(value) for name, value in consent.items()}
    talent = CastTalent(
        **{
            "party": Party("mira", Role.TALENT, "Mira Holm", born),
            "photos": str(photos),
            "agency": Party("nordlight", Role.AGENCY, "Nordlight"),
            "day_rate": None,
            "synthetic": False,
            "measurements": {},
            **own,
        }
    )
    planned = tuple(CampaignShot(shot.id, shot) for shot in shots or (a_shot(),))
    licensed = LicenseTerms(brand, {name: _as_set(value) for name, value in license.items()}, exclusive)
    return Campaign("autumn", (talent,), ConsentTerms(terms), licensed, planned)


_LICENSE_TERMS = {field.name for field in fields(License)} - {field.name for field in fields(Consent)} | {
    "channels",
    "territories",
}


def _as_set(value: object) -> object:
    return frozenset(value) if isinstance(value, tuple) else value


def a_shot(name: str = "shot-1", to: str = "#1f3a93", **changes) -> Shot:
    """Mira's top in another colour, for Instagram."""
    values = {"talents": ("mira",), "formats": ("instagram-4x5",), "recolor": Recolor("top", to)}
    return Shot(id=name, **{**values, **changes})


class People:
    """Everybody's keys in one folder, as only a story for tests and demonstrations holds them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def key(self, party: str) -> KeyFile:
        file = self._folder / f"{party}.pem"
        return KeyFile.load(file) if file.exists() else KeyFile.make(file)

    def introduce(self, office: Office, party: str, role: Role, name: str = "") -> KeyFile:
        """Make the party's key and register it."""
        key = self.key(party)
        sign.register_key(office, key.registered(party, role), name or party.title())
        return key

    def sign_all(self, office: Office, planned: Campaign) -> None:
        """Every talent and the brand sign what the campaign asks of them."""
        for cast in planned.talents:
            self.introduce(office, cast.party.id, Role.TALENT, cast.party.name)
        self.introduce(office, planned.license.brand.id, Role.BRAND, planned.license.brand.name)
        for paper, _role, party in sign.unsigned(office, sign.draw_papers(office, planned)):
            sign.sign(office, paper.document, self.key(party).sign(paper.message))


__all__ = [
    "FakeClock",
    "FakeDocuments",
    "FakeEngine",
    "FakeMeter",
    "FakePost",
    "FakeReader",
    "FakeSealer",
    "FakeSession",
    "FakeTrainer",
    "People",
    "a_shot",
    "campaign",
    "open_fake_office",
    "photographs",
]
