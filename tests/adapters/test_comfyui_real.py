"""The same client against ComfyUI itself, on the CPU and without weights: that the stub of the other tests doesn't flatter.

Skipped unless TWINBOOK_TEST_COMFYUI names a folder with ComfyUI's source (TWINBOOK_TEST_COMFYUI_PYTHON a Python that has
what it needs). The server runs on loopback with folders of its own.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from comfy_server import png, until
from painted_figure import paint, plate_of
from test_comfyui_engine import ADAPTER, IN_SILK, a_job, a_shot

from twinbook.domain.errors import EngineRefused, StateError
from twinbook.engines.comfyui import ComfyEngine, ComfySettings
from twinbook.engines.comfyui.premises import Premises
from twinbook.engines.comfyui.server import ComfyServer, Standing, Stored
from twinbook.engines.comfyui.wire import Wire

SOURCE = os.environ.get("TWINBOOK_TEST_COMFYUI", "")
PYTHON = os.environ.get("TWINBOOK_TEST_COMFYUI_PYTHON", sys.executable)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE, reason="TWINBOOK_TEST_COMFYUI names no ComfyUI"),
]


def node(kind, title="", **inputs):
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}


def inverting(blurs=0):
    """Without weights: what the mask says is inverted, ``blurs`` times blurred on the way."""
    graph = {
        "1": node("LoadImage", "twinbook:plate", image=""),
        "2": node("LoadImageMask", "twinbook:mask", image="", channel="red"),
        "3": node("ImageInvert", image=["1", 0]),
        "4": node("PrimitiveString", "twinbook:prompt twinbook:checkpoint", value=""),
        "5": node("PrimitiveInt", "twinbook:seed twinbook:steps", value=0),
        "6": node("PrimitiveFloat", "twinbook:guidance", value=0.0),
        "8": node("SaveImage", "twinbook:output", images=["7", 0], filename_prefix=""),
    }
    last = "3"
    for number in range(blurs):
        graph[f"b{number}"] = node("ImageBlur", image=[last, 0], blur_radius=31, sigma=10.0)
        last = f"b{number}"
    graph["7"] = node(
        "ImageCompositeMasked", destination=["1", 0], source=[last, 0], mask=["2", 0], x=0, y=0, resize_source=False
    )
    return graph


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("comfyui")
    for name in ("models/loras", "input", "output", "temp", "custom_nodes", "front", "user"):
        (root / name).mkdir(parents=True)
    (root / "front" / "index.html").write_text("")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [PYTHON, str(Path(SOURCE) / "main.py"), "--cpu", "--listen", "127.0.0.1", "--port", str(port)]
    command += ["--base-directory", str(root), "--front-end-root", str(root / "front")]
    command += ["--disable-all-custom-nodes", "--disable-api-nodes"]
    with (root / "log.txt").open("wb") as log:
        running = subprocess.Popen(command, cwd=root, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})
        server = ComfyServer(Wire(f"http://127.0.0.1:{port}"), pause=0.1)

        def answers():
            assert running.poll() is None, (root / "log.txt").read_text()[-2000:]
            try:
                return server.version()
            except StateError:
                return ""

        try:
            until(answers, 120)
            yield f"http://127.0.0.1:{port}", root
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(20)


@pytest.fixture
def engine(server, tmp_path):
    url, _ = server
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "inverting.json").write_text(json.dumps(inverting()))
    return ComfyEngine(ComfySettings(url, tmp_path / "lock", workflows=tmp_path / "flows", pause=0.1))


@pytest.fixture(scope="module")
def plate():
    return plate_of(paint(high=480))


def left(root):
    return [file for kind in ("input", "output", "temp") for file in (root / kind).rglob("*") if file.is_file()]


def test_what_is_asked_for_is_made_and_nothing_of_her_stays(engine, server, plate):
    _, root = server
    made = engine.render(a_job(engine, plate, a_shot(IN_SILK)))
    kept = ~made.altered
    assert (made.rgb_srgb[kept] == plate.rgb_srgb[kept]).all()
    inside = paint(high=480).tee & made.altered
    difference = made.rgb_srgb[inside].astype(int) - (255 - plate.rgb_srgb[inside])
    assert np.median(np.abs(difference)) <= 1
    assert made.provenance["server"].startswith("ComfyUI 0.")
    assert float(made.provenance["strayed outside the mask, thrown away"].split()[0]) < 0.6
    assert left(root)
    assert max(file.stat().st_size for file in left(root)) < 100, "one pixel each"


def test_the_same_again_is_not_read_from_the_cache(engine, plate):
    one, two = (engine.render(a_job(engine, plate, a_shot(IN_SILK))) for _ in range(2))
    assert one.rgb_srgb.tobytes() == two.rgb_srgb.tobytes()


def test_with_its_folder_named_the_files_are_gone(server, engine, plate):
    _, root = server
    before = set(left(root))
    named = ComfyEngine(replace(engine._settings, folder=root))
    made = named.render(a_job(named, plate, a_shot(IN_SILK), digest="d3"))
    assert made.provenance["left on the server"] == "nothing"
    assert set(left(root)) <= before


def test_a_job_is_queued_running_ended_and_forgotten(server):
    """What the stub takes for granted: {} in the history, the same id twice, an interrupt told from a failure."""
    url, _ = server
    comfy = ComfyServer(Wire(url), pause=0.05)
    picture = Stored("plate.png", "twinbook", "input")
    comfy.upload(picture, png(np.zeros((1600, 1600, 3), np.uint8)))
    graph = inverting(blurs=12)
    for slot in ("1", "2"):
        graph[slot]["inputs"]["image"] = picture.path
    graph["8"]["inputs"]["filename_prefix"] = "contract"
    first, second = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "12")
    assert comfy.standing(first) == (Standing.UNKNOWN, {})
    comfy.submit(first, graph, "me")
    comfy.submit(second, graph, "me")
    until(lambda: comfy.standing(first)[0] is Standing.RUNNING)
    assert comfy.standing(second) == (Standing.QUEUED, {})
    comfy.cancel(second)
    assert comfy.standing(second) == (Standing.UNKNOWN, {})
    comfy.cancel(first)
    entry = comfy.wait(first, comfy.listen("me"))
    with pytest.raises(StateError) as caught:
        comfy.outputs(entry, "8")
    assert caught.value.code == "engine.cancelled"
    comfy.forget(first)
    assert comfy.standing(first) == (Standing.UNKNOWN, {})
    comfy.blank(picture)


def test_a_failure_is_one(server):
    url, _ = server
    comfy = ComfyServer(Wire(url), pause=0.05)
    broken = Stored("broken.png", "twinbook", "input")
    comfy.upload(broken, b"no picture")
    graph = inverting()
    for slot in ("1", "2"):
        graph[slot]["inputs"]["image"] = broken.path
    graph["8"]["inputs"]["filename_prefix"] = "contract"
    job = "33333333-1111-4111-8111-111111111111"
    comfy.submit(job, graph, "me")
    entry = comfy.wait(job, None)
    with pytest.raises(StateError, match="in LoadImage"):
        comfy.outputs(entry, "8")
    comfy.forget(job)
    comfy.blank(broken)


def test_a_graph_that_it_wont_take_is_told_of(server):
    url, _ = server
    comfy = ComfyServer(Wire(url))
    graph = inverting()
    for slot in ("1", "2"):
        graph[slot]["inputs"]["image"] = "gone.png"
    with pytest.raises(EngineRefused, match="LoadImage: custom_validation_failed"):
        comfy.submit("44444444-1111-4111-8111-111111111111", graph, "me")
    assert comfy.node("NoSuchNode") is None
    assert comfy.choices("LoadImageMask", "channel") == ("alpha", "red", "green", "blue")
    assert comfy.choices("LoraLoader", "lora_name") == ()
    assert comfy.choices("PrimitiveString", "value") is None


def test_shipped_workflows_name_nodes_and_inputs_that_it_has(server):
    from twinbook.engines.comfyui.workflow import shelf

    url, _ = server
    comfy = ComfyServer(Wire(url))
    for workflow in shelf():
        for one in workflow.nodes.values():
            about = comfy.node(one["class_type"])["input"]
            assert one["inputs"].keys() == about["required"].keys() | (
                one["inputs"].keys() & about.get("optional", {}).keys()
            )


def test_the_socket_is_spoken(server):
    pytest.importorskip("websockets")
    url, _ = server
    events = Wire(url).listen("somebody")
    assert events.next(5)["type"] == "status"
    events.close()


def test_an_adapter_in_memory_is_one_that_it_can_load(server):
    url, root = server
    wire, name = Wire(url), f"twinbook-{'e' * 32}.safetensors"
    with Premises(root).lent(name, ADAPTER) as how:
        assert how == "memory"
        assert name in ComfyServer(wire).choices("LoraLoader", "lora_name")
        assert wire.get("/view_metadata/loras", {"filename": name}).json() == {"format": "pt"}
    assert name not in ComfyServer(wire).choices("LoraLoader", "lora_name")


def test_a_job_whose_client_died_is_picked_up(server, engine, plate, tmp_path):
    _, root = server
    (tmp_path / "flows" / "inverting.json").write_text(json.dumps(inverting(blurs=3)))
    job = a_job(engine, plate, a_shot(IN_SILK), digest="d9")

    def died(*_asked):
        raise SystemExit

    gone = ComfyEngine(engine._settings)
    gone._server.wait = died
    gone._clear = lambda *_asked: None
    gone._server.cancel = lambda _job: None
    gone._until_stopped = died
    with pytest.raises(SystemExit):
        gone.render(job)
    made = engine.render(job)
    assert made.provenance["resumed"] == "yes"
    assert max(file.stat().st_size for file in left(root)) < 100
