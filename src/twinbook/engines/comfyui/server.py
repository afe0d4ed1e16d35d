"""ComfyUI's way of working, with its traps: https://docs.comfy.org/development/comfyui-server/comms_routes.

- ``/history/{id}`` is ``{}`` for what is queued, running and unknown. A job goes from ``/queue`` to the history in one step,
  so whoever asks the queue first and the history after it misses none.
- The same ``prompt_id`` sent twice is made twice. So it is looked for before it is sent.
- HTTP 200 may carry ``node_errors``: then part of the graph isn't run.
- An interrupted job is an ``error`` as well; only its messages tell.
- What was made before is not made again: the history then names the old file, whatever lies there now.
- There is no way to delete an upload or an output. They can be overwritten, by a picture of one pixel.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from PIL import Image

from ...domain.errors import EngineRefused, StateError
from ...ports import Progress, silent
from .wire import LONG, Answer, Events, Wire

SUBFOLDER = "twinbook"
_PATIENCE = 30.0  # seconds that a server may be away in the middle of a job
_MOST_FILES = 64


class Standing(StrEnum):
    """Where a job is."""

    UNKNOWN = "unknown"
    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True)
class Stored:
    """A file on the server: ``kind`` is ``input``, ``output`` or ``temp``."""

    name: str
    subfolder: str
    kind: str

    @property
    def path(self) -> str:
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name


class ComfyServer:
    """``pause`` is the time between two questions, ``most`` that a job may take altogether, in seconds."""

    def __init__(self, wire: Wire, pause: float = 1.0, most: float = 1800.0) -> None:
        self._wire, self._pause, self._most = wire, pause, most

    def version(self) -> str:
        """What the server calls itself. Raises StateError ``engine.unreachable`` when it is no ComfyUI."""
        found = _dict(self._good(self._wire.get("/system_stats")).json()).get("system")
        version = found.get("comfyui_version") if isinstance(found, dict) else None
        if not isinstance(version, str) or not version:
            raise StateError("engine.unreachable", "what answers there is no ComfyUI")
        return plain(version, 40)

    def node(self, class_type: str) -> Mapping[str, object] | None:
        """What the server says of a kind of node; None when it doesn't have it."""
        if not re.fullmatch(r"[\w .()+-]{1,128}", class_type):
            raise EngineRefused("engine.workflow", f"{plain(class_type)!r} is no kind of node")
        found = _dict(self._good(self._wire.get(f"/object_info/{class_type.replace(' ', '%20')}")).json())
        about = found.get(class_type)
        return about if isinstance(about, dict) else None

    def choices(self, class_type: str, name: str) -> tuple[str, ...] | None:
        """What an input of a node may be set to; None where it takes any text."""
        about = _dict((self.node(class_type) or {}).get("input"))
        said = {**_dict(about.get("optional")), **_dict(about.get("required"))}.get(name)
        if not isinstance(said, list) or not said or said[0] == "STRING":
            return None
        # Nodes of the first schema give the list itself, those of the third "COMBO" and an object with options.
        listed = said[0] if isinstance(said[0], list) else _dict(said[1] if len(said) > 1 else None).get("options")
        return tuple(str(item) for item in listed) if isinstance(listed, list) else ()

    # --- a job's way ------------------------------------------------------------------------------------------------

    def standing(self, job: str) -> tuple[Standing, Mapping[str, object]]:
        """Where a job is, with its entry in the history once it has ended."""
        queue = _dict(self._good(self._wire.get("/queue")).json())
        for name, where in (("queue_running", Standing.RUNNING), ("queue_pending", Standing.QUEUED)):
            items = queue.get(name)
            if not isinstance(items, list):
                raise StateError("engine.unreachable", "the server's queue can't be read")
            if any(isinstance(item, list) and len(item) > 1 and item[1] == job for item in items):
                return where, {}
        entry = _dict(self._good(self._wire.get(f"/history/{job}")).json()).get(job)
        return (Standing.ENDED, entry) if isinstance(entry, dict) else (Standing.UNKNOWN, {})

    def upload(self, file: Stored, data: bytes) -> None:
        """Store under exactly this name, over whatever has it."""
        fields = {
            "image": (file.name, data, "image/png"),
            "subfolder": file.subfolder,
            "type": file.kind,
            "overwrite": "true",
        }
        said = _dict(self._good(self._wire.upload("/upload/image", fields)).json())
        if (said.get("name"), said.get("subfolder"), said.get("type")) != (file.name, file.subfolder, file.kind):
            raise StateError("engine.failed", "the server stored a picture under another name than it was given")

    def submit(self, job: str, graph: Mapping[str, object], client: str) -> None:
        """Put a job into the queue under an id of ours. Raises EngineRefused ``engine.workflow`` with what the server
        has against the graph."""
        answer = self._wire.post("/prompt", {"prompt": graph, "client_id": client, "prompt_id": job})
        if answer.status not in (200, 400):
            self._good(answer)
        said = _dict(answer.json())
        faults = _faults(said)
        if answer.status == 400 or faults:
            if answer.status == 200:  # part of it runs all the same
                self.cancel(job)
            raise EngineRefused("engine.workflow", f"the server refuses the graph: {'; '.join(faults) or 'unsaid why'}")
        if said.get("prompt_id") != job:
            other = said.get("prompt_id")
            if isinstance(other, str):
                self.cancel(other)
                self.forget(other)
            raise StateError("engine.failed", "the server gives jobs ids of its own; it takes ComfyUI 0.3.57 or newer")

    def wait(self, job: str, events: Events | None, progress: Progress = silent) -> Mapping[str, object]:
        """The job's entry in the history once it has ended. The WebSocket only shortens the wait and tells progress.

        Raises StateError ``engine.failed`` when it is too late or the server forgot the job, ``engine.unreachable`` when
        the server stays away."""
        until = time.monotonic() + self._most
        answered = time.monotonic()
        while True:
            try:
                where, entry = self.standing(job)
                answered = time.monotonic()
            except StateError:
                if time.monotonic() - answered > _PATIENCE:
                    raise
                where, entry = Standing.RUNNING, {}
            if where is Standing.ENDED:
                return entry
            if where is Standing.UNKNOWN:
                raise StateError("engine.failed", "the server knows nothing of the job any more; it was started anew")
            if time.monotonic() > until:
                raise StateError("engine.failed", f"the job wasn't done after {self._most:g} seconds")
            events = self._hear(job, events, progress)

    def _hear(self, job: str, events: Events | None, progress: Progress) -> Events | None:
        """Wait for a pause, or until something is told that makes asking worth while."""
        until = time.monotonic() + self._pause
        while (left := until - time.monotonic()) > 0:
            if events is None:
                time.sleep(left)
                return None
            try:
                message = events.next(left)
            except OSError:
                events = None
                continue
            if message is None:
                break
            data = message["data"]
            if data.get("prompt_id") != job:
                continue
            kind, done, of = message.get("type"), data.get("value"), data.get("max")
            if kind == "progress" and isinstance(done, int | float) and isinstance(of, int | float):
                if 0 <= done <= of <= 1e6:
                    progress(int(done), int(of))
            elif kind in ("execution_success", "execution_error", "execution_interrupted") or (
                kind == "executing" and data.get("node") is None
            ):
                time.sleep(min(0.05, self._pause))  # the history is written right after this is sent
                break
        return events

    def outputs(self, entry: Mapping[str, object], node: str) -> list[Stored]:
        """What a job that succeeded made at a node. Raises StateError ``engine.failed`` or ``engine.cancelled``."""
        status = _dict(entry.get("status"))
        messages = status.get("messages")
        told = {
            message[0]: _dict(message[1])
            for message in (messages if isinstance(messages, list) else [])
            if isinstance(message, list) and len(message) == 2 and isinstance(message[0], str)
        }
        if "execution_interrupted" in told:
            raise StateError("engine.cancelled", "somebody stopped the job on the server")
        if "execution_error" in told:
            error = told["execution_error"]
            what = f"{plain(error.get('exception_type'))} in {plain(error.get('node_type'))}"
            if "OutOfMemory" in what:
                raise StateError("engine.failed", f"the server's memory was too small: {what}")
            raise StateError("engine.failed", f"the job failed on the server: {what}")
        if status.get("completed") is not True:
            raise StateError("engine.failed", "the job ended on the server without success or reason")
        return self.files(entry, node)

    def files(self, entry: Mapping[str, object], node: str | None = None) -> list[Stored]:
        """The files that an entry names: the pictures of one node, or of all nodes whatever they saved. Raises StateError
        ``engine.left`` for more than can be taken off."""
        found = []
        for name, made in _dict(entry.get("outputs")).items():
            for kind, listed in _dict(made).items():
                if not isinstance(listed, list) or (node is not None and (node, "images") != (name, kind)):
                    continue
                found += [file for file in map(_stored, listed) if file is not None]
        if len(found) > _MOST_FILES:
            raise StateError("engine.left", f"the workflow saves {len(found)} files on the server")
        return found

    def fetch(self, file: Stored, width: int, height: int) -> np.ndarray:
        """The picture, uint8 sRGB (h, w, 3). Raises StateError ``engine.failed`` for one of another size."""
        most = 4 * width * height + 4_000_000  # what a PNG without any compression takes, and its metadata
        query = {"filename": file.name, "subfolder": file.subfolder, "type": file.kind}
        data = self._good(self._wire.get("/view", query, most, LONG)).body
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.size != (width, height):
                    size = f"{image.width} × {image.height}"
                    raise StateError("engine.failed", f"the server made {size} pixels, not {width} × {height}")
                return np.array(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise StateError("engine.failed", "what the server made is no picture that can be read") from error

    # --- leaving nothing --------------------------------------------------------------------------------------------

    def blank(self, file: Stored) -> None:
        """Overwrite a file by a picture of one pixel. Raises StateError when it isn't so afterwards."""
        self.upload(file, _BLANK)
        query = {"filename": file.name, "subfolder": file.subfolder, "type": file.kind}
        if self._good(self._wire.get("/view", query, 1_000_000)).body != _BLANK:
            raise StateError("engine.left", f"{file.path} ({file.kind}) couldn't be overwritten on the server")

    def forget(self, job: str) -> None:
        """Take a job out of the history, with its graph and the prompt in it."""
        self._good(self._wire.post("/history", {"delete": [job]}))

    def release(self) -> None:
        """Let the server's memory go of pictures and weights, hers among them."""
        self._good(self._wire.post("/free", {"unload_models": True, "free_memory": True}))

    def cancel(self, job: str) -> None:
        """Take a job out of the queue, or stop it when it runs; nobody else's is touched."""
        self._good(self._wire.post("/queue", {"delete": [job]}))
        if self.standing(job)[0] is Standing.RUNNING:  # an old server stops whatever runs, whoever's it is
            self._good(self._wire.post("/interrupt", {"prompt_id": job}))

    def listen(self, client: str) -> Events | None:
        return self._wire.listen(client)

    def _good(self, answer: Answer) -> Answer:
        if answer.status != 200:
            raise StateError("engine.unreachable", f"{self._wire.host} answers with HTTP {answer.status}")
        return answer


def _blank() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    return out.getvalue()


_BLANK = _blank()


def plain(said: object, most: int = 80) -> str:
    """A word of the server's in a message of ours: short, on one line, without control characters."""
    return re.sub(r"[^\w .,:()+/-]", "?", str(said), flags=re.ASCII)[:most]


def _dict(found: object) -> dict:
    return found if isinstance(found, dict) else {}


def _stored(picture: object) -> Stored | None:
    """A file as the server names it, unless the name leads out of its folder."""
    if not isinstance(picture, dict):
        return None
    name, subfolder, kind = picture.get("filename"), picture.get("subfolder", ""), picture.get("type")
    if kind not in ("output", "temp") or not isinstance(name, str) or not isinstance(subfolder, str):
        return None
    parts = [*subfolder.replace("\\", "/").split("/"), name] if subfolder else [name]
    if any(part in ("", ".", "..") or not re.fullmatch(r"[\w .()+-]{1,200}", part) for part in parts):
        return None
    return Stored(name, subfolder, kind)


def _faults(said: Mapping[str, object]) -> list[str]:
    """What the server has against nodes, in words of ours around codes of its own."""
    found = []
    for node, about in list(_dict(said.get("node_errors")).items())[:5]:
        errors = _dict(about).get("errors")
        for error in errors[:3] if isinstance(errors, list) else []:
            extra = _dict(_dict(error).get("extra_info"))
            where = f" ({plain(extra['input_name'], 40)})" if "input_name" in extra else ""
            kind = plain(_dict(error).get("type"), 40)
            found.append(f"node {plain(node, 20)} {plain(_dict(about).get('class_type'), 40)}: {kind}{where}")
    if not found and (error := said.get("error")):
        found.append(plain(_dict(error).get("type") or error, 60))
    return found
