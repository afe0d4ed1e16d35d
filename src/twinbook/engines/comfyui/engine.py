"""The engine `comfyui`: makes what no photograph has on a ComfyUI server, and takes everything off it again.

Every name on the server comes from the job, so that the same job sent again finds what a killed process left: it is picked
up when it is done, waited for when it runs, and what it left is overwritten.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np

from ...domain.brief import Shot
from ...domain.canonical import digest
from ...domain.errors import EngineRefused, InputError, StateError
from ...domain.generation import BODY_POSE, PLATE_POSE, Generation, Keep
from ...domain.twin import PlateFacts, View
from ...domain.weights import Checkpoint
from ...ports import Engine, EngineProfile, Figure, Plan, Plate, Progress, Rendering, RenderJob
from ..composite.depth import depth_of_body
from ..composite.dressing import separable
from .framing import AREA, canvas_of, expected_figure, kept_of, png, put_together, sent_of, strayed
from .premises import Premises, Turns
from .server import SUBFOLDER, ComfyServer, Standing, Stored, plain
from .wire import Wire
from .workflow import Workflow, choose, shelf

VERSION = "1"
_MOST_PIXELS = 40_000_000
# Whatever else a producer asks for. What she never allows the gate refuses already where a prompt names it.
NEGATIVE = "nudity, other people, text, watermark, logo, extra fingers, deformed hands"


@dataclass(frozen=True)
class ComfySettings:
    """``url`` of the server; ``operator`` who runs it, empty for whoever runs this home; ``folder`` is its own folder when it is
    on this machine; ``workflows`` a folder of the user's own; ``jobs_a_day`` the most that may be sent on a UTC day, None for
    no limit; ``lock`` the file that keeps one job at a time. ``most_seconds`` is how long a job may take."""

    url: str
    lock: Path
    operator: str = ""
    folder: Path | None = None
    workflows: Path | None = None
    jobs_a_day: int | None = None
    token: str = ""
    most_seconds: float = 1800.0
    pause: float = 1.0
    area: int = AREA


class ComfyEngine(Engine):
    """Raises InputError ``engine.address``, ``engine.folder``."""

    def __init__(
        self,
        settings: ComfySettings,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        self._settings = settings
        wire = Wire(settings.url, settings.token)
        self._host, self._here = wire.host, wire.here
        if settings.folder is not None and not self._here:
            raise InputError(
                "engine.folder", f"{settings.folder} can't be the folder of a server that isn't this machine"
            )
        self._premises = Premises(settings.folder) if settings.folder is not None else None
        self._server = ComfyServer(wire, settings.pause, settings.most_seconds)
        self._tokens: dict[str, str] = {}  # the words that stand for her, by checkpoint
        self._turns = Turns(settings.lock, today, settings.jobs_a_day, settings.most_seconds)

    def profile(self) -> EngineProfile:
        return EngineProfile(
            name="comfyui",
            version=VERSION,
            operations=frozenset({"generate"}),
            max_pixels=_MOST_PIXELS,
            deterministic=False,  # the same seed gives another picture on another GPU
            licences={"code": "Apache-2.0", "weights": "as the user registered them"},
        )

    # --- from facts alone -------------------------------------------------------------------------------------------

    def plan(
        self,
        shot: Shot,
        plates: Mapping[str, Sequence[PlateFacts]],
        checkpoints: Mapping[str, Sequence[Checkpoint]] = MappingProxyType({}),
    ) -> Plan:
        """Raises EngineRefused: ``engine.vendor``, ``engine.operation``, ``engine.talents``, ``engine.adapter``,
        ``engine.workflow``, ``engine.plate``, ``backdrop.busy`` or ``matte.unsure``."""
        self._hold_vendor(shot)
        unknown = sorted(set(shot.operations) - {"generate"})
        if unknown or shot.generate is None:
            raise EngineRefused(
                "engine.operation", f"shot {shot.id} asks for {', '.join(unknown) or 'nothing to make'}"
            )
        if len(shot.talents) != 1:
            raise EngineRefused(
                "engine.talents", f"shot {shot.id} has {len(shot.talents)} talents", "give each a shot of her own"
            )
        (talent,) = shot.talents
        generation = shot.generate
        adapter = None
        if generation.keep in (Keep.NOTHING, Keep.HEAD):
            adapter = self._adapter(shot, checkpoints.get(talent, ()))
        choose(shelf(self._settings.workflows), asked_slots(generation))
        loaded = {talent: adapter.id} if adapter else {}
        facts = _chosen(shot, talent, plates.get(talent, ()))
        if generation.keep is Keep.NOTHING:
            size = canvas_of(shot.formats, self._settings.area)
            return Plan({talent: facts.id}, shot.operations, size, {talent: expected_figure(*size)}, checkpoints=loaded)
        return Plan({talent: facts.id}, shot.operations, checkpoints=loaded)

    def _hold_vendor(self, shot: Shot) -> None:
        """Pixels of hers leave this machine only for whom she signed: the gate holds the vendor of the shot against her
        license, and this holds the machine against the vendor."""
        operator = self._settings.operator
        if self._here and not operator:
            return
        if not operator:
            raise EngineRefused(
                "engine.vendor",
                f"{self._host} isn't this machine, and TWINBOOK_COMFYUI_OPERATOR doesn't name who runs it",
            )
        if shot.vendor != operator:
            named = f"hands it to {shot.vendor}" if shot.vendor else "names no vendor"
            raise EngineRefused("engine.vendor", f"{self._host} is run by {operator}, and shot {shot.id} {named}")

    def _adapter(self, shot: Shot, hers: Sequence[Checkpoint]) -> Checkpoint:
        keep = shot.generate.keep
        if self._premises is None:
            raise EngineRefused(
                "engine.adapter",
                f"keep = {keep.value!r} makes {'her' if keep is Keep.NOTHING else 'her body'} from her checkpoint, which is "
                "given to no server but one on this machine whose folder TWINBOOK_COMFYUI_FOLDER names",
                "keep 'person' or 'all-but-garment', or run ComfyUI on this machine and name its folder",
            )
        fitting = [checkpoint for checkpoint in hers if checkpoint.weights == shot.generate.weights]
        if not fitting:
            raise EngineRefused("engine.adapter", f"she has no checkpoint on {shot.generate.weights!r}")
        self._tokens[fitting[-1].id] = fitting[-1].token
        return fitting[-1]

    def _token(self, checkpoint: str) -> str:
        if checkpoint not in self._tokens:
            raise EngineRefused("engine.adapter", f"checkpoint {checkpoint} isn't the one that was planned with")
        return self._tokens[checkpoint]

    # --- with pixels ------------------------------------------------------------------------------------------------

    def _render(self, job: RenderJob) -> Rendering:
        self._hold_vendor(job.shot)
        (talent,) = job.shot.talents
        generation = job.shot.generate
        seconds: dict[str, float] = {}
        started = time.perf_counter()

        def lap(phase: str) -> None:
            nonlocal started
            now = time.perf_counter()
            seconds[phase] = round(now - started, 3)
            started = now

        adapter_id = job.plan.checkpoints.get(talent, "")
        plate = job.twins[talent].plate(job.plan.plate)
        kept = sent = None
        pictures: dict[str, bytes] = {}
        if generation.keep is Keep.NOTHING:
            width, height = job.plan.canvas
        else:
            kept = kept_of(plate, generation)
            sent = sent_of(plate, kept, self._settings.area)
            width, height = sent.size
            pictures |= {"plate": png(sent.rgb_srgb), "mask": png(np.repeat(sent.mask[..., None], 3, axis=2))}
        if generation.pose and not _posed_already(generation):
            pictures["pose"] = png(_pose(job, plate, width, height))
        for number, name in enumerate(generation.references, start=1):
            pictures[f"reference-{number}"] = png(_brought(job, name))
        lap("prepare")
        token = self._token(adapter_id) if adapter_id else ""
        values = {
            "prompt": f"{token}, {generation.prompt}" if token else generation.prompt,
            "negative": self._negative(job),
            "seed": generation.seed if generation.seed is not None else job.seed,
            "steps": generation.steps,
            "guidance": generation.guidance / 10,
            "width": width,
            "height": height,
        }
        order = Order.of(job, choose(shelf(self._settings.workflows), asked_slots(generation)), values, pictures)
        with self._turns.taken() as count, ExitStack() as lent:
            version = self._server.version()
            weights = self._checked(order.workflow, generation.weights)
            placed = ""
            if adapter_id:
                data = job.twins[talent].weights(adapter_id)
                placed = lent.enter_context(self._premises.lent(order.adapter, data))
                lap("adapter")
            answer, resumed, left = self._made(order, weights, (width, height), count, job.progress)
        lap("server")
        provenance = {
            "plate": plate.facts.id,
            "photo": plate.facts.photo,
            "keep": generation.keep.value,
            "server": f"ComfyUI {version}",
            "operator": self._settings.operator or "this home",
            "workflow": f"{order.workflow.name} {order.workflow.digest}",
            "weights": plain(weights, 200),
            "seed": str(values["seed"]),
            "size": f"{width} × {height}",
            "resumed": "yes" if resumed else "no",
            "left on the server": left,
        }
        if adapter_id:
            provenance |= {"adapter": adapter_id, "adapter lent as": placed}
        if sent is None:
            rgb, alpha, altered, figure = _of_nothing(answer, job.plan.figures[talent])
            figures = {talent: figure}
        else:
            provenance["strayed outside the mask, thrown away"] = f"{strayed(sent, answer):.2f} of 255"
            rgb, altered = put_together(plate, kept, sent, answer)
            alpha, figures = _alpha_of(plate, altered, generation), {}
        lap("compose")
        return Rendering(rgb, alpha, altered, altered, job.plan.operations, provenance, seconds, figures)

    def _negative(self, job: RenderJob) -> str:
        """What she never allows is her own business: a server that somebody else runs isn't told."""
        hers = sorted(frozenset().union(*job.never.values())) if not self._settings.operator else []
        return ", ".join([NEGATIVE, *hers])

    def _checked(self, workflow: Workflow, weights: str) -> str:
        """The server's name for the weights, once it is sure that it can run the workflow. Raises EngineRefused
        ``engine.workflow``, ``engine.weights``."""
        lacking = [kind for kind in workflow.classes if self._server.node(kind) is None]
        if lacking:
            raise EngineRefused("engine.workflow", f"the server has no node {', '.join(lacking)} ({workflow.name})")
        if "checkpoint" not in workflow.slots:
            return weights
        node, name = workflow.slots["checkpoint"][0]
        known = self._server.choices(str(workflow.nodes[node]["class_type"]), name)
        if known is None:
            return weights
        for file in known:
            if weights in (file, Path(file).name, Path(file.replace("\\", "/")).stem):
                return file
        raise EngineRefused("engine.weights", f"the server has no {weights!r} among its {len(known)} checkpoints")

    def _made(
        self, order: Order, weights: str, size: tuple[int, int], count: Callable[[], None], progress: Progress
    ) -> tuple[np.ndarray, bool, str]:
        """The picture, whether it was there already, and what stays on the server."""
        where, entry = self._server.standing(order.id)
        resumed = where is not Standing.UNKNOWN
        client = str(uuid.uuid5(uuid.UUID(order.id), "client"))
        with self._cleared(order) as cleared:
            events = None
            cleared.uploads = list(order.pictures) if resumed else []
            try:
                if where is not Standing.ENDED:
                    events = self._server.listen(client)
                if where is Standing.UNKNOWN:
                    count()
                    for slot, data in order.pictures.items():
                        cleared.uploads.append(slot)
                        self._server.upload(order.stored(slot), data)
                    self._server.submit(order.id, order.graph(weights), client)
                if where is not Standing.ENDED:
                    entry = self._server.wait(order.id, events, progress)
            finally:
                if events is not None:
                    events.close()
            cleared.outputs = self._server.files(entry)
            made = self._server.outputs(entry, order.workflow.slots["output"][0][0])
            if len(made) != 1:
                raise StateError("engine.failed", f"the workflow made {len(made)} pictures where one was asked for")
            answer = self._server.fetch(made[0], *size)
        if cleared.faults:
            raise StateError("engine.left", "; ".join(cleared.faults))
        return answer, resumed, cleared.said

    @contextmanager
    def _cleared(self, order: Order) -> Iterator[_Cleared]:
        """Whatever happens inside: stop the job if it still runs, and take everything of it off the server. What can't be
        taken off is told, beside the fault that was there first."""
        cleared = _Cleared()
        try:
            yield cleared
        except BaseException as error:
            # Also for Ctrl-C: a job that nobody waits for goes on burning somebody's GPU. Files first, while the
            # history still tells which they are.
            with contextlib.suppress(StateError):
                self._server.cancel(order.id)
                self._until_stopped(order.id)
                entry = self._server.standing(order.id)[1]
                cleared.outputs = cleared.outputs or self._server.files(entry)
            self._clear(order, cleared)
            if cleared.faults and isinstance(error, StateError | EngineRefused):
                said = f"{error.diagnosis}; and this stayed on the server: {'; '.join(cleared.faults)}"
                raise type(error)(error.code, said, error.remedy) from error
            raise
        self._clear(order, cleared)

    def _until_stopped(self, job: str) -> None:
        until = time.monotonic() + 20
        while self._server.standing(job)[0] in (Standing.RUNNING, Standing.QUEUED) and time.monotonic() < until:
            time.sleep(min(self._settings.pause, 0.5))

    def _clear(self, order: Order, cleared: _Cleared) -> None:
        removed = True
        for file in (*(order.stored(slot) for slot in cleared.uploads), *cleared.outputs):
            if self._premises is not None and self._premises.remove(file):
                continue
            removed = False
            try:
                self._server.blank(file)
            except StateError as error:
                cleared.faults.append(f"{file.kind}/{file.path}: {error.diagnosis}")
        for step in (lambda: self._server.forget(order.id), self._server.release):
            try:
                step()
            except StateError as error:
                cleared.faults.append(error.diagnosis)
        cleared.said = "nothing" if removed else "names of files that were overwritten, one pixel each"


@dataclass
class _Cleared:
    """What a job has on the server, by slot and by name, and what couldn't be taken off it."""

    uploads: list[str] = field(default_factory=list)
    outputs: Sequence[Stored] = ()
    said: str = ""
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Order:
    """One job for the server. ``id`` is a UUID that comes from everything that decides the picture and from her permit's
    request; the names of its files come from it. Pictures are PNG files by slot."""

    id: str
    workflow: Workflow
    values: Mapping[str, str | int | float]
    pictures: Mapping[str, bytes]

    @classmethod
    def of(
        cls, job: RenderJob, workflow: Workflow, values: Mapping[str, str | int | float], pictures: Mapping[str, bytes]
    ) -> Order:
        name = digest(
            {
                "requests": dict(job.request_digests),
                "checkpoints": dict(job.plan.checkpoints),
                "weights": job.shot.generate.weights,
                "workflow": workflow.digest,
                "values": {slot: str(value) for slot, value in values.items()},
                "pictures": {slot: hashlib.sha256(data).hexdigest() for slot, data in pictures.items()},
            }
        )
        # ComfyUI takes no id but a UUID in its canonical form.
        return cls(str(uuid.UUID(name[:32], version=4)), workflow, values, pictures)

    @property
    def _stem(self) -> str:
        return f"twinbook-{hashlib.sha256(self.id.encode()).hexdigest()[:32]}"

    @property
    def adapter(self) -> str:
        return f"{self._stem}.safetensors"

    def stored(self, slot: str) -> Stored:
        return Stored(f"{self._stem}-{slot}.png", SUBFOLDER, "input")

    def graph(self, weights: str) -> dict[str, dict]:
        # Random at the end: a server that made the same before would name the old file, which is overwritten by now.
        filled = {**self.values, "output": f"{self._stem}-{os.urandom(8).hex()}", "checkpoint": weights}
        filled |= {slot: self.stored(slot).path for slot in self.pictures}
        if "adapter" in self.workflow.slots:
            filled["adapter"] = self.adapter
        return self.workflow.filled({slot: value for slot, value in filled.items() if slot in self.workflow.slots})


def asked_slots(generation: Generation) -> frozenset[str]:
    """What a workflow must have slots for."""
    asked = {"prompt", "negative", "seed", "steps", "guidance", "width", "height", "checkpoint", "output"}
    if generation.keep is not Keep.NOTHING:
        asked |= {"plate", "mask"}
    if generation.keep in (Keep.NOTHING, Keep.HEAD):
        asked.add("adapter")
    if generation.pose and not _posed_already(generation):
        asked.add("pose")
    return frozenset(asked | {f"reference-{number}" for number in range(1, len(generation.references) + 1)})


def _posed_already(generation: Generation) -> bool:
    """She stands as in the plate wherever her pixels stay."""
    return generation.pose == PLATE_POSE and generation.keep in (Keep.PERSON, Keep.ALL_BUT_GARMENT)


def _chosen(shot: Shot, talent: str, hers: Sequence[PlateFacts]) -> PlateFacts:
    found = [facts for facts in hers if facts.width * facts.height <= _MOST_PIXELS]
    if shot.plate is not None:
        found = [facts for facts in found if shot.plate in (facts.photo, facts.id)]
    else:
        found = [facts for facts in found if facts.view is not View.PROFILE] or found
    if not found:
        named = f" named {shot.plate!r}" if shot.plate else ""
        raise EngineRefused("engine.plate", f"{talent} has no plate{named} of at most 40 megapixels")
    if shot.generate.keep in (Keep.PERSON, Keep.HEAD):
        found = separable(found)
    return max(
        found, key=lambda facts: (facts.person.width * facts.person.height * min(facts.sharpness, 8.0), facts.id)
    )


def _pose(job: RenderJob, plate: Plate, width: int, height: int) -> np.ndarray:
    pose = job.shot.generate.pose
    if pose == BODY_POSE:
        return depth_of_body(plate, width, height)
    return plate.rgb_srgb if pose == PLATE_POSE else _brought(job, pose)


def _brought(job: RenderJob, name: str) -> np.ndarray:
    picture = job.pictures.get(name)
    if picture is None:
        raise EngineRefused("campaign.scene", f"the picture {name} was not given")
    return np.ascontiguousarray(picture[..., :3])


def _alpha_of(plate: Plate, altered: np.ndarray, generation: Generation) -> np.ndarray:
    if generation.keep is not Keep.HEAD and plate.alpha is not None:
        return plate.alpha
    if generation.keep is Keep.HEAD:  # what was made around her head is somebody's body, wherever it is
        return np.full(altered.shape, 255, np.uint8)
    alpha = np.zeros(altered.shape, np.uint8)
    box = plate.facts.person
    alpha[box.top : box.bottom, box.left : box.right] = 255
    return alpha


def _of_nothing(answer: np.ndarray, expected: Figure) -> tuple[np.ndarray, np.ndarray, np.ndarray, Figure]:
    """A picture made from words: where she is has to be looked for."""
    from ...vision.faces import find_faces
    from ...vision.matte import estimated_person, extent, matte

    high, wide = answer.shape[:2]
    faces = find_faces(answer)
    if not faces:
        raise EngineRefused(
            "engine.figure", "no face is in what was made", "ask for her to be seen, or for another seed"
        )
    face = max((found.box for found in faces), key=expected.face.overlap)
    alpha = matte(answer, face)
    if alpha is None:
        alpha = np.zeros((high, wide), np.uint8)
        box = estimated_person(face, wide, high)
        alpha[box.top : box.bottom, box.left : box.right] = 255
    return answer, alpha, np.ones((high, wide), bool), Figure(face, extent(alpha))
