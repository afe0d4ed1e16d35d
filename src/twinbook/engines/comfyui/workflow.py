"""Workflows in ComfyUI's API format with named slots, and how a shot's values get into them.

A node says in its title (``_meta.title``, "Title" in ComfyUI's own editor) what Twinbook writes into it: one or more of
`SLOTS`, separated by spaces, as in ``twinbook:seed twinbook:steps``. A workflow fits a shot when it has a slot for
everything that the shot says and none for what it doesn't: nothing a producer wrote is dropped without a word, and no
picture of an earlier job stays in a slot.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ...domain.errors import EngineRefused

PREFIX = "twinbook:"
# slot: the inputs of a node that it is written into; all of these that the node has with a plain value.
_TEXT = ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "value")
SLOTS: Mapping[str, tuple[str, ...]] = {
    "prompt": _TEXT,
    "negative": _TEXT,
    "seed": ("seed", "noise_seed", "value"),
    "steps": ("steps", "value"),
    "guidance": ("cfg", "guidance", "value"),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "checkpoint": ("ckpt_name", "unet_name", "value"),
    "adapter": ("lora_name", "value"),
    "plate": ("image",),
    "mask": ("image",),
    "pose": ("image",),
    "output": ("filename_prefix",),
}
MOST_REFERENCES = 8
# A workflow may have them or not: it can bring words of its own, and take the size from the plate.
OPTIONAL = frozenset({"negative", "width", "height"})
_MOST_BYTES = 2_000_000


def _inputs(slot: str) -> tuple[str, ...] | None:
    kind, _, number = slot.partition("-")
    if kind == "reference":
        return ("image",) if number in map(str, range(1, MOST_REFERENCES + 1)) else None
    return SLOTS.get(slot)


@dataclass(frozen=True)
class Workflow:
    """A workflow as it lies on disk, checked. ``slots`` maps each slot to the node ids and inputs that it fills."""

    name: str
    nodes: Mapping[str, Mapping[str, object]]
    slots: Mapping[str, tuple[tuple[str, str], ...]]

    @property
    def digest(self) -> str:
        """SHA-256 over the nodes, whatever the file is called and however it is laid out."""
        return hashlib.sha256(json.dumps(self.nodes, sort_keys=True, allow_nan=False).encode()).hexdigest()

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({str(node["class_type"]) for node in self.nodes.values()}))

    def misfits(self, asked: Iterable[str]) -> tuple[list[str], list[str]]:
        """Slots that are missing for what is asked, and slots that nothing would be written into."""
        wanted = set(asked)
        return sorted(wanted - set(self.slots) - OPTIONAL), sorted(set(self.slots) - wanted)

    def filled(self, values: Mapping[str, str | int | float]) -> dict[str, dict]:
        """The graph to send. Raises EngineRefused ``engine.workflow`` when values and slots don't fit each other."""
        missing, unused = self.misfits(values)
        if missing or unused:
            raise EngineRefused("engine.workflow", _said(self, missing, unused))
        graph = copy.deepcopy({name: dict(node) for name, node in self.nodes.items()})
        for slot, places in self.slots.items():
            for node, name in places:
                graph[node]["inputs"][name] = values[slot]
        return graph

    def links(self, node: str) -> list[str]:
        return [str(value[0]) for value in self.nodes[node]["inputs"].values() if _is_link(value)]


def read(name: str, text: str) -> Workflow:
    """Raises EngineRefused ``engine.workflow`` with what is wrong and where."""

    def no(why: str) -> EngineRefused:
        return EngineRefused("engine.workflow", f"workflow {name}: {why}")

    try:
        nodes = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise no("it is no JSON") from error
    if isinstance(nodes, dict) and isinstance(nodes.get("nodes"), list):
        raise no("it was saved for the editor; use “Export (API)” in ComfyUI's menu")
    if not isinstance(nodes, dict) or not nodes:
        raise no("it is no graph of nodes in the API format")
    slots: dict[str, list[tuple[str, str]]] = {}
    for node_id, node in nodes.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            raise no(f"node {node_id} has no class_type")
        inputs = node.get("inputs")
        if not isinstance(inputs, dict):
            raise no(f"node {node_id} has no inputs")
        for other in inputs.values():
            if _is_link(other) and str(other[0]) not in nodes:
                raise no(f"node {node_id} takes something from node {other[0]}, which isn't there")
        meta = node.get("_meta")
        title = str(meta.get("title", "")) if isinstance(meta, dict) else ""
        for word in title.split():
            if not word.startswith(PREFIX):
                continue
            slot = word.removeprefix(PREFIX)
            names = _inputs(slot)
            if names is None:
                raise no(f"there is no slot {word!r} (node {node_id}); there are {', '.join((*SLOTS, 'reference-1…'))}")
            places = [(node_id, which) for which in names if which in inputs and not _is_link(inputs[which])]
            if not places:
                raise no(f"node {node_id} ({node['class_type']}) has no free input for {word}: it takes {names[0]!r}")
            slots.setdefault(slot, []).extend(places)
    for slot in ("prompt", "seed", "output"):
        if slot not in slots:
            raise no(f"no node is titled {PREFIX}{slot}")
    if len(slots["output"]) != 1:
        raise no("several nodes are titled twinbook:output, and a shot is one picture")
    if ("plate" in slots) != ("mask" in slots):
        raise no("a plate goes with a mask of what is made anew: title both twinbook:plate and twinbook:mask")
    return Workflow(name, nodes, {slot: tuple(places) for slot, places in slots.items()})


def shelf(folder: Path | None = None) -> tuple[Workflow, ...]:
    """The user's own workflows, by name, then those that ship; one with the name of one that ships replaces it.

    Raises EngineRefused ``engine.workflow`` for a folder or file that can't be read."""
    own: dict[str, Workflow] = {}
    if folder is not None:
        try:
            found = sorted(file for file in folder.iterdir() if file.suffix == ".json" and file.is_file())
            for file in found:
                if file.stat().st_size > _MOST_BYTES:
                    raise EngineRefused("engine.workflow", f"workflow {file.stem} is larger than 2 MB")
                own[file.stem] = read(file.stem, file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise EngineRefused("engine.workflow", f"the workflows in {folder} can't be read") from error
    shipped = {}
    for entry in files(__package__).joinpath("workflows").iterdir():
        name, dot, kind = entry.name.rpartition(".")
        if dot and kind == "json" and name not in own:
            shipped[name] = read(name, entry.read_text(encoding="utf-8"))
    return (*own.values(), *(shipped[name] for name in sorted(shipped)))


def choose(workflows: Iterable[Workflow], asked: Iterable[str]) -> Workflow:
    """The first that has a slot for all that is asked and for nothing else. Raises EngineRefused ``engine.workflow``,
    telling what the nearest lacks."""
    wanted = set(asked)
    nearest: tuple[int, str] | None = None
    for workflow in workflows:
        missing, unused = workflow.misfits(wanted)
        if not missing and not unused:
            return workflow
        if nearest is None or len(missing) + len(unused) < nearest[0]:
            nearest = len(missing) + len(unused), _said(workflow, missing, unused)
    raise EngineRefused("engine.workflow", nearest[1] if nearest else "there is no workflow at all")


def _said(workflow: Workflow, missing: list[str], unused: list[str]) -> str:
    parts = []
    if missing:
        parts.append(f"lacks a slot for what the shot says: {', '.join(PREFIX + slot for slot in missing)}")
    if unused:
        parts.append(f"has a slot for what the shot doesn't say: {', '.join(PREFIX + slot for slot in unused)}")
    return f"no workflow fits the shot; the nearest, {workflow.name}, {' and '.join(parts)}"


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _is_link(value: object) -> bool:
    """In the API format ``["4", 0]`` is the first output of node 4."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)
