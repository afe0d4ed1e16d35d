"""The engine `comfyui` against a server that behaves like the real one: what comes back, what stays there, what is refused."""

import hashlib
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from comfy_server import ComfyStub, colour_of, png, until
from painted_figure import paint, plate_of

from twinbook.domain.brief import Shot
from twinbook.domain.errors import EngineRefused, InputError, StateError
from twinbook.domain.generation import Generation
from twinbook.domain.permit import Act, Permit
from twinbook.domain.provenance import SourceType
from twinbook.domain.twin import Backdrop
from twinbook.domain.weights import Checkpoint, Family
from twinbook.engines.comfyui import ComfyEngine, ComfySettings
from twinbook.ports import RenderJob

NOON = datetime(2026, 6, 1, tzinfo=UTC)
ON_BEACH = Generation("a beach at dusk", "base", keep="person", seed=7)
IN_SILK = Generation("a green silk blouse", "base", keep="all-but-garment", region="top", seed=7)


class OpenTwin:
    def __init__(self, plate, adapter=b"", digest="d1"):
        self.permit = Permit("p", Act.RENDER, "mira", digest, "consent", "license", datetime(2030, 1, 1, tzinfo=UTC))
        self._plate, self._adapter = plate, adapter

    def plate(self, plate_id):
        assert plate_id == self._plate.facts.id
        return self._plate

    def weights(self, _name):
        return self._adapter


@pytest.fixture(scope="module")
def plate():
    return plate_of(paint(high=480))


@pytest.fixture
def server(tmp_path):
    with ComfyStub(tmp_path / "comfy") as stub:
        yield stub


def settings_for(server, tmp_path, **changes):
    return replace(ComfySettings(server.url, tmp_path / "locks" / "comfyui", pause=0.03, most_seconds=20), **changes)


@pytest.fixture
def engine(server, tmp_path):
    return ComfyEngine(settings_for(server, tmp_path))


def a_shot(generation=ON_BEACH, **changes):
    return replace(Shot("one", ("mira",), ("web-2x3",), engine="comfyui", generate=generation), **changes)


def a_job(engine, plate, shot=None, checkpoints=(), adapter=b"", digest="d1", **changes):
    shot = shot or a_shot()
    plan = engine.plan(shot, {"mira": [plate.facts]}, {"mira": list(checkpoints)})
    return RenderJob(shot, plan, {"mira": digest}, {"mira": OpenTwin(plate, adapter, digest)}, **changes)


def an_adapter(*layers, metadata="her name"):
    header, data = {"__metadata__": {"note": metadata}}, b""
    for layer in layers:
        for part in ("lora_A", "lora_B"):
            header[f"{layer}.{part}.weight"] = {
                "dtype": "F32",
                "shape": [1, 2],
                "data_offsets": [len(data), len(data) + 8],
            }
            data += np.float32([len(data), 2]).tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


ADAPTER = an_adapter("unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q")
CHECKPOINT = Checkpoint("c1", "mira", "t1", "base", "0" * 64, Family.SDXL, "mira-xq", 100, 4, ("p",), "0" * 64, NOON)


# --- stories -----------------------------------------------------------------------------------------------------


def test_another_scene_is_made_and_she_stays_bit_for_bit(engine, server, plate):
    made = engine.render(a_job(engine, plate))
    hers, elsewhere = plate.alpha == 255, plate.alpha == 0
    assert (made.rgb_srgb[hers] == plate.rgb_srgb[hers]).all()
    assert (made.rgb_srgb[elsewhere] == colour_of("a beach at dusk", 7)).all()
    assert (made.altered == ~hers).all()
    edge = ~hers & ~elsewhere
    assert edge.any()  # hair and outline are mixed from her own colours and the new scene, without the old backdrop
    assert made.source_type is SourceType.COMPOSITE_TRAINED
    assert made.provenance["server"] == "ComfyUI 0.36.0"
    assert made.provenance["strayed outside the mask, thrown away"].startswith("2.") or made.provenance[
        "strayed outside the mask, thrown away"
    ].startswith("3.")
    assert made.provenance["workflow"].startswith("sdxl-inpaint ")


def test_a_garment_is_made_anew_and_the_rest_of_her_stays(engine, plate):
    made = engine.render(a_job(engine, plate, a_shot(IN_SILK)))
    face = plate.facts.face
    head = np.s_[face.top : face.bottom, face.left : face.right]
    assert not made.altered[head].any()
    assert (made.rgb_srgb[~made.altered] == plate.rgb_srgb[~made.altered]).all()
    tee = paint(high=480).tee
    inside = cv2.erode(tee.astype(np.uint8), np.ones((9, 9))).astype(bool)
    assert (made.rgb_srgb[inside] == colour_of("a green silk blouse", 7)).all(1).mean() > 0.95
    assert made.altered.mean() < 2 * tee.mean()


def test_nothing_of_her_is_left_on_a_server_that_can_only_overwrite(engine, server, plate):
    made = engine.render(a_job(engine, plate))
    assert server.files() == []
    assert len(server.everything()) == 3, "their names stay, one pixel each"
    assert made.provenance["left on the server"] == "names of files that were overwritten, one pixel each"
    assert server.history == {}
    assert server.freed == 1


def test_nothing_at_all_is_left_on_a_server_whose_folder_is_named(server, tmp_path, plate):
    engine = ComfyEngine(settings_for(server, tmp_path, folder=server.folder))
    made = engine.render(a_job(engine, plate))
    assert server.everything() == []
    assert made.provenance["left on the server"] == "nothing"


def test_a_large_plate_goes_out_smaller_and_comes_back_at_its_size(server, tmp_path, plate):
    engine = ComfyEngine(settings_for(server, tmp_path, area=200 * 300))
    made = engine.render(a_job(engine, plate))
    assert made.provenance["size"] == "200 × 304"  # to whole latent pixels
    assert made.rgb_srgb.shape == plate.rgb_srgb.shape
    hers = plate.alpha == 255
    assert (made.rgb_srgb[hers] == plate.rgb_srgb[hers]).all()


def test_she_is_made_from_words_by_her_own_adapter_which_no_disk_ever_has(server, tmp_path, plate):
    head = cv2.cvtColor(cv2.imread(str(Path(__file__).parent.parent / "heads" / "light+000+00.jpg")), cv2.COLOR_BGR2RGB)

    def painted(high, wide):
        links = list((server.folder / "models/loras").iterdir())
        assert [link.is_symlink() for link in links] == [True]
        picture = np.full((high, wide, 3), 200, np.uint8)
        size = min(high, wide) // 2
        picture[size // 4 : size // 4 + size, (wide - size) // 2 : (wide - size) // 2 + size] = cv2.resize(
            head, (size, size)
        )
        return picture

    server.paint = painted
    engine = ComfyEngine(settings_for(server, tmp_path, folder=server.folder, area=640 * 640))
    shot = a_shot(Generation("on a terrace", "base", seed=3))
    made = engine.render(a_job(engine, plate, shot, [CHECKPOINT], ADAPTER))
    assert made.source_type is SourceType.TRAINED
    assert made.altered.all()
    figure = made.figures["mira"]
    assert figure.face.width > 60
    assert figure.person.overlap(figure.face) > 0
    graph = json.loads(server.calls("POST", "/prompt")[0])["prompt"]
    assert graph["3"]["inputs"]["text"] == "mira-xq, on a terrace"
    (seen,) = server.adapters
    size = int.from_bytes(seen[:8], "little")
    layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    header = json.loads(seen[8 : 8 + size])
    assert header.keys() == {"__metadata__", f"{layer}.lora_down.weight", f"{layer}.lora_up.weight"}
    assert header["__metadata__"] == {"format": "pt"}
    assert seen.endswith(ADAPTER[-16:])
    assert server.everything() == []
    assert made.provenance["adapter lent as"] == "memory"


def test_a_head_stays_and_a_body_is_made_by_her_own_adapter(server, tmp_path, plate):
    engine = ComfyEngine(settings_for(server, tmp_path, folder=server.folder))
    shot = a_shot(Generation("in a long coat", "base", keep="head", seed=3))
    made = engine.render(a_job(engine, plate, shot, [CHECKPOINT], ADAPTER))
    assert (made.rgb_srgb[~made.altered] == plate.rgb_srgb[~made.altered]).all()
    figure, face = paint(high=480), plate.facts.face
    middle = np.s_[face.top + face.height // 3 : face.bottom - face.height // 3, face.left + 8 : face.right - 8]
    assert not made.altered[middle].any()
    assert made.altered[figure.tee].all()
    assert len(server.adapters) == 1
    assert server.everything() == []


def test_whatever_else_a_workflow_saves_is_taken_off_as_well(server, tmp_path, plate):
    def second_output(graph):
        graph["40"] = {"class_type": "SaveImage", "inputs": {"images": ["21", 0], "filename_prefix": "before"}}

    own_workflow(tmp_path / "mine", "mine", second_output)
    made = ComfyEngine(settings_for(server, tmp_path, workflows=tmp_path / "mine"))
    made.render(a_job(made, plate))
    assert any(name.startswith("output/before") for name in server.everything())
    assert server.files() == []


def test_progress_is_told_by_the_socket(server, tmp_path, plate):
    pytest.importorskip("websockets")
    heard = []
    engine = ComfyEngine(settings_for(server, tmp_path, pause=5))
    started = time.monotonic()
    engine.render(a_job(engine, plate, progress=lambda done, of: heard.append((done, of))))
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert time.monotonic() - started < 60


def test_without_a_socket_it_asks_now_and_then(tmp_path, plate):
    with ComfyStub(tmp_path / "comfy", sockets=False) as server:
        engine = ComfyEngine(settings_for(server, tmp_path))
        made = engine.render(a_job(engine, plate))
    assert made.altered.any()


# --- sent again ----------------------------------------------------------------------------------------------------

KILLED = """
    import pickle, sys
    from pathlib import Path
    sys.path[:0] = {path!r}
    from test_comfyui_engine import a_job, ComfyEngine, ComfySettings, plate_of, paint
    engine = ComfyEngine(ComfySettings({url!r}, Path({lock!r}), pause=0.03))
    engine.render(a_job(engine, plate_of(paint(high=480))))
"""


@pytest.mark.parametrize("done", [False, True], ids=["while it runs", "when it is done"])
def test_a_client_that_was_killed_finds_its_job_again(server, tmp_path, plate, done):
    server.gate.clear()
    tests = Path(__file__).parent
    code = textwrap.dedent(KILLED).format(
        path=[str(tests), str(tests.parent)], url=server.url, lock=str(tmp_path / "locks" / "comfyui")
    )
    client = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert server.started.acquire(timeout=60)
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert server.files() != [], "this is what a killed process leaves"
    if done:
        server.gate.set()
        until(lambda: server.history)
    else:
        threading.Timer(0.3, server.gate.set).start()
    engine = ComfyEngine(settings_for(server, tmp_path))
    made = engine.render(a_job(engine, plate))
    assert made.provenance["resumed"] == "yes"
    assert len(server.calls("POST", "/prompt")) == 1, "the same job is paid for once"
    assert server.files() == []


def test_the_same_job_after_it_was_taken_off_is_made_anew_not_read_from_a_cache(engine, server, plate):
    one = engine.render(a_job(engine, plate))
    server.freed = 0
    two = engine.render(a_job(engine, plate))
    assert one.rgb_srgb.tobytes() == two.rgb_srgb.tobytes()
    assert len(server.calls("POST", "/prompt")) == 2


def test_another_request_is_another_job(engine, server, plate):
    engine.render(a_job(engine, plate))
    engine.render(a_job(engine, plate, digest="d2"))
    ids = {json.loads(body)["prompt_id"] for body in server.calls("POST", "/prompt")}
    assert len(ids) == 2


# --- failure and cancel ---------------------------------------------------------------------------------------------


def when_it_runs(server, act):
    def wait():
        server.started.acquire(timeout=30)
        act()

    threading.Thread(target=wait, daemon=True).start()


def test_a_failure_and_a_cancel_are_told_apart(engine, server, plate):
    server.fails = RuntimeError("a picture of Mira\nin a line of its own")
    with pytest.raises(StateError) as failed:
        engine.render(a_job(engine, plate))
    assert failed.value.code == "engine.failed"
    assert "RuntimeError in KSampler" in failed.value.diagnosis
    assert "Mira" not in failed.value.diagnosis
    server.fails = None
    server.gate.clear()
    assert server.started.acquire(timeout=1)
    when_it_runs(server, server._interrupt.set)  # somebody presses the button in ComfyUI's page
    with pytest.raises(StateError) as cancelled:
        engine.render(a_job(engine, plate))
    assert cancelled.value.code == "engine.cancelled"
    assert server.files() == []


def test_whoever_gives_up_stops_the_job_and_clears_up(engine, server, plate, monkeypatch):
    server.gate.clear()

    def give_up(*_asked):
        assert server.started.acquire(timeout=10)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine._server, "_hear", give_up)
    with pytest.raises(KeyboardInterrupt):
        engine.render(a_job(engine, plate))
    until(lambda: not server.running)
    assert server.files() == []
    assert server.history == {}


def test_a_job_that_takes_too_long_is_stopped(server, tmp_path, plate):
    server.gate.clear()
    engine = ComfyEngine(settings_for(server, tmp_path, most_seconds=0.4))
    with pytest.raises(StateError, match="wasn't done after"):
        engine.render(a_job(engine, plate))
    until(lambda: not server.running)
    assert server.files() == []


def test_a_job_of_somebody_else_is_never_stopped(engine, server, plate):
    server.gate.clear()
    other = ["x", "11111111-1111-4111-8111-111111111111", {}, {}, []]
    with server._lock:
        server.running.append(other)
    engine._server.cancel("22222222-2222-4222-8222-222222222222")
    assert server.calls("POST", "/interrupt") == []
    assert server.running == [other]


def test_a_server_started_anew_in_the_middle_is_noticed(engine, server, plate):
    server.gate.clear()

    when_it_runs(server, server.restart)
    with pytest.raises(StateError, match="started anew"):
        engine.render(a_job(engine, plate))
    server.gate.set()
    assert [name for name in server.files() if name.startswith("input")] == []


def test_a_server_that_keeps_uploads_is_told_of(engine, server, plate):
    def keep(handler):
        if handler.command != "POST" or not server.history:  # pictures are taken, and kept once a job has ended
            return False
        handler.answer(507)
        return True

    server.instead["/upload"] = keep
    with pytest.raises(StateError) as caught:
        engine.render(a_job(engine, plate))
    assert caught.value.code == "engine.left"
    assert "input/twinbook/twinbook-" in caught.value.diagnosis
    server.fails = RuntimeError()
    with pytest.raises(StateError) as caught:
        engine.render(a_job(engine, plate, digest="d2"))
    assert caught.value.code == "engine.failed"
    assert "stayed on the server: input/twinbook/twinbook-" in caught.value.diagnosis


# --- refusals before anything is sent ---------------------------------------------------------------------------------


def refused(engine, plate, shot, checkpoints=()):
    with pytest.raises(EngineRefused) as caught:
        engine.plan(shot, {"mira": [plate.facts]}, {"mira": list(checkpoints)})
    return caught.value


def test_somebody_elses_machine_takes_a_vendor_whom_she_signed(tmp_path, plate):
    there = ComfySettings("https://gpu.example", tmp_path / "lock")
    assert refused(ComfyEngine(there), plate, a_shot()).code == "engine.vendor"
    engine = ComfyEngine(replace(there, operator="gpu-house"))
    assert "names no vendor" in refused(engine, plate, a_shot()).diagnosis
    assert refused(engine, plate, a_shot(vendor="other")).code == "engine.vendor"
    assert engine.plan(a_shot(vendor="gpu-house"), {"mira": [plate.facts]}).plate == plate.facts.id


def test_an_operator_is_held_to_it_behind_a_tunnel_as_well(server, tmp_path, plate):
    engine = ComfyEngine(settings_for(server, tmp_path, operator="gpu-house"))
    assert refused(engine, plate, a_shot()).code == "engine.vendor"
    job = a_job(engine, plate, a_shot(vendor="gpu-house"))
    with pytest.raises(EngineRefused, match="gpu-house"):
        engine.render(replace(job, shot=a_shot()))  # nor does a job that nobody planned get past it
    assert server.log == []


def test_her_adapter_goes_to_no_server_whose_folder_isnt_named(engine, server, tmp_path, plate):
    for keep in ("nothing", "head"):
        shot = a_shot(Generation("on a terrace", "base", keep=keep))
        assert refused(engine, plate, shot, [CHECKPOINT]).code == "engine.adapter"
    named = ComfyEngine(settings_for(server, tmp_path, folder=server.folder))
    assert refused(named, plate, a_shot(Generation("x", "base")), []).code == "engine.adapter"
    assert refused(named, plate, a_shot(Generation("x", "others")), [CHECKPOINT]).code == "engine.adapter"
    with pytest.raises(InputError, match="isn't this machine"):
        ComfyEngine(ComfySettings("https://gpu.example", tmp_path / "lock", folder=server.folder))
    with pytest.raises(InputError, match="no folders"):
        ComfyEngine(settings_for(server, tmp_path, folder=tmp_path))


def test_facts_that_dont_fit_are_refused(engine, plate):
    busy = replace(plate, facts=replace(plate.facts, backdrop=Backdrop.BUSY))
    assert refused(engine, busy, a_shot()).code == "backdrop.busy"
    assert refused(engine, plate, a_shot(plate="elsewhere")).code == "engine.plate"
    assert refused(engine, plate, a_shot(talents=("mira", "sami"))).code == "engine.talents"
    assert refused(engine, plate, a_shot(scene="studio:sand")).code == "engine.operation"
    assert refused(engine, plate, a_shot(None)).code == "engine.operation"


def test_what_no_workflow_has_a_slot_for_is_refused_not_dropped(engine, server, plate):
    posed = replace(ON_BEACH, references=("image:" + "0" * 64,))
    error = refused(engine, plate, a_shot(posed))
    assert error.code == "engine.workflow"
    assert "twinbook:reference-1" in error.diagnosis
    assert server.log == []


def test_weights_that_the_server_doesnt_have_are_refused_before_pixels_leave(engine, server, plate):
    with pytest.raises(EngineRefused) as caught:
        engine.render(a_job(engine, plate, a_shot(replace(ON_BEACH, weights="other"))))
    assert caught.value.code == "engine.weights"
    assert not [path for method, path, _ in server.log if method == "POST"]


def test_so_many_jobs_a_day_and_no_more(server, tmp_path, plate):
    today = [date(2026, 6, 1)]
    engine = ComfyEngine(settings_for(server, tmp_path, jobs_a_day=2), today=lambda: today[0])
    for digest in ("a", "b"):
        engine.render(a_job(engine, plate, digest=digest))
    with pytest.raises(StateError) as caught:
        engine.render(a_job(engine, plate, digest="c"))
    assert caught.value.code == "engine.budget"
    assert len(server.calls("POST", "/prompt")) == 2
    assert server.files() == []
    today[0] = date(2026, 6, 2)
    engine.render(a_job(engine, plate, digest="c"))


def test_one_job_at_a_time(server, tmp_path, plate):
    server.gate.clear()
    first = ComfyEngine(settings_for(server, tmp_path))
    thread = threading.Thread(target=lambda: first.render(a_job(first, plate)))
    thread.start()
    assert server.started.acquire(timeout=10)
    second = ComfyEngine(settings_for(server, tmp_path, most_seconds=0.2))
    with pytest.raises(StateError) as caught:
        second.render(a_job(second, plate, digest="d2"))
    assert caught.value.code == "engine.busy"
    server.gate.set()
    thread.join(20)


# --- the user's own workflows ------------------------------------------------------------------------------------------


def own_workflow(folder, name, change):
    from importlib.resources import files

    text = files("twinbook.engines.comfyui").joinpath("workflows/sdxl-inpaint.json").read_text()
    graph = json.loads(text)
    change(graph)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(graph))


def test_a_workflow_of_ones_own_comes_first(server, tmp_path, plate):
    def with_reference(graph):
        graph["30"] = {"class_type": "LoadImage", "inputs": {"image": ""}, "_meta": {"title": "twinbook:reference-1"}}

    own_workflow(tmp_path / "mine", "mine", with_reference)
    engine = ComfyEngine(settings_for(server, tmp_path, workflows=tmp_path / "mine"))
    name = "image:" + "0" * 64
    shot = a_shot(replace(ON_BEACH, references=(name,)))
    made = engine.render(a_job(engine, plate, shot, pictures={name: np.zeros((8, 8, 3), np.uint8)}))
    assert made.provenance["workflow"].startswith("mine ")
    assert server.files() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda g: g.update(nodes=[], links=[]), "Export"),
        (lambda g: g["20"]["_meta"].update(title="twinbook:seeds"), "no slot 'twinbook:seeds'"),
        (lambda g: g["3"]["_meta"].update(title=""), "titled twinbook:prompt"),
        (lambda g: g["6"]["_meta"].update(title=""), "goes with a mask"),
        (lambda g: g["5"]["inputs"].update(image=["6", 0]), "no free input"),
        (lambda g: g["8"]["inputs"].update(model=["99", 0]), "node 99"),
        (lambda g: g.update({"40": dict(g["22"])}), "several nodes"),
        (lambda g: g["8"].pop("class_type"), "class_type"),
    ],
)
def test_a_workflow_that_is_wrong_is_said_to_be_before_anything_is_sent(server, tmp_path, plate, change, why):
    own_workflow(tmp_path / "mine", "mine", change)
    engine = ComfyEngine(settings_for(server, tmp_path, workflows=tmp_path / "mine"))
    error = refused(engine, plate, a_shot())
    assert error.code == "engine.workflow"
    assert why in error.diagnosis
    assert server.log == []


def test_a_node_that_the_server_lacks_is_named(server, tmp_path, plate):
    own_workflow(tmp_path / "mine", "mine", lambda g: g["8"].update(class_type="IPAdapterAdvanced"))
    engine = ComfyEngine(settings_for(server, tmp_path, workflows=tmp_path / "mine"))
    with pytest.raises(EngineRefused, match="IPAdapterAdvanced"):
        engine.render(a_job(engine, plate))
    assert not server.calls("POST", "/upload/image")


def test_a_success_with_faults_in_it_is_none(server, tmp_path, plate):
    """HTTP 200, and half of the graph isn't run."""

    def second_output(graph):
        graph["41"] = {"class_type": "LoadImage", "inputs": {"image": "gone.png"}}
        graph["40"] = {"class_type": "SaveImage", "inputs": {"images": ["41", 0], "filename_prefix": "x"}}

    own_workflow(tmp_path / "mine", "mine", second_output)
    engine = ComfyEngine(settings_for(server, tmp_path, workflows=tmp_path / "mine"))
    with pytest.raises(EngineRefused) as caught:
        engine.render(a_job(engine, plate))
    assert caught.value.code == "engine.workflow"
    assert "node 41 LoadImage: custom_validation_failed (image)" in caught.value.diagnosis
    until(lambda: not server.running and not server.pending)
    assert [name for name in server.files() if not name.startswith("output/x")] == []


# --- a server that means harm ----------------------------------------------------------------------------------------


def attacked(engine, server, plate, path, reply):
    server.instead[path] = reply
    with pytest.raises((StateError, EngineRefused)) as caught:
        engine.render(a_job(engine, plate))
    return caught.value


def only(method, act):
    def reply(handler):
        if handler.command != method:
            return False
        act(handler)
        return True

    return reply


def test_a_picture_of_another_size_is_refused(engine, server, plate):
    server.spoil = lambda made: made[:-8]
    with pytest.raises(StateError, match="320 × 472 pixels, not 320 × 480"):
        engine.render(a_job(engine, plate))
    assert server.files() == []


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", png(np.zeros((480, 320, 3), np.uint8))[:60]], ids=range(4)
)
def test_what_is_no_picture_is_refused(engine, server, plate, body):
    error = attacked(
        engine, server, plate, "/view", only("GET", lambda handler: handler.answer(200, body, "image/png"))
    )
    assert error.code == "engine.failed"


def test_a_bomb_is_cut_off_at_its_size(engine, server, plate):
    def pour(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        for _ in range(200):
            handler.wfile.write(bytes(1 << 20))

    error = attacked(engine, server, plate, "/view", only("GET", pour))
    assert "more than" in error.diagnosis


def test_a_redirect_is_not_followed(engine, server, tmp_path, plate):
    with ComfyStub(tmp_path / "elsewhere") as elsewhere:
        error = attacked(
            engine,
            server,
            plate,
            "/upload",
            only("POST", lambda handler: handler.answer(307, Location=elsewhere.url + "/upload/image")),
        )
        assert error.code == "engine.unreachable"
        assert elsewhere.log == []


def test_an_upload_under_another_name_is_refused(engine, server, plate):
    reply = only("POST", lambda handler: handler.json({"name": "../x.png", "subfolder": "", "type": "input"}))
    assert "another name" in attacked(engine, server, plate, "/upload", reply).diagnosis


@pytest.mark.parametrize(
    "files",
    [
        [{"filename": "../../etc/passwd", "subfolder": "", "type": "output"}],
        [{"filename": "a.png", "subfolder": "../..", "type": "output"}],
        [{"filename": "a.png", "subfolder": "", "type": "input"}],
        [{"filename": 7}, "a.png", None],
        {"0": 1},
        [],
    ],
    ids=range(6),
)
def test_names_that_lead_elsewhere_are_no_outputs(server, tmp_path, plate, files):
    engine = ComfyEngine(settings_for(server, tmp_path, folder=server.folder))

    def reply(handler):
        job = handler.path.rpartition("/")[2]
        if handler.command != "GET" or job not in server.history:
            return False
        entry = server.history[job] | {"outputs": {"22": {"images": files}}}
        handler.json({job: entry})
        return True

    error = attacked(engine, server, plate, "/history", reply)
    assert "made 0 pictures" in error.diagnosis


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/queue", b"[]"),
        ("/queue", b'{"queue_running": 1}'),
        ("/queue", b"[" * 100_000),
        ("/system_stats", b"{}"),
        ("/system_stats", b'{"system": {"comfyui_version": ["x"]}}'),
        ("/object_info", b"null"),
        ("/prompt", b'"yes"'),
        ("/prompt", b'{"prompt_id": "another"}'),
        ("/prompt", b'{"node_errors": {"3": {"errors": [7], "class_type": "\\u0007\\n\\u202e"}}}'),
    ],
)
def test_answers_of_another_shape_are_no_crash(engine, server, plate, path, body):
    method = "POST" if path == "/prompt" else "GET"
    error = attacked(engine, server, plate, path, only(method, lambda handler: handler.answer(200, body)))
    assert error.code in ("engine.unreachable", "engine.failed", "engine.workflow")
    assert error.diagnosis.isprintable()
    assert server.files() == []


def test_headers_that_never_end_are_cut_off(engine, server, plate):
    def flood(handler):
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(1000):
            handler.wfile.write(b"x-%d: y\r\n" % number)

    error = attacked(engine, server, plate, "/system_stats", only("GET", flood))
    assert error.code == "engine.unreachable"


def test_a_server_that_drips_is_hung_up_on(server, tmp_path, plate, monkeypatch):
    from twinbook.engines.comfyui import wire

    monkeypatch.setattr(wire.Wire.get, "__defaults__", (None, wire.MOST_JSON, 0.5))

    def drip(handler):
        handler.close_connection = True
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.1)

    engine = ComfyEngine(settings_for(server, tmp_path))
    error = attacked(engine, server, plate, "/system_stats", only("GET", drip))
    assert "no whole answer within 0.5 seconds" in error.diagnosis


def test_a_name_that_isnt_this_machine_any_more_gets_nothing(tmp_path):
    from twinbook.engines.comfyui.wire import Wire

    line = Wire("http://localhost:8188", resolve=lambda host, port: ["127.0.0.1", "93.184.216.34"])
    with pytest.raises(StateError, match="isn't this machine"):
        line.get("/queue")
    cloud = Wire("https://gpu.example", resolve=lambda host, port: ["169.254.169.254"])
    with pytest.raises(StateError, match="nothing may be sent there"):
        cloud.get("/queue")
    for url in (
        "http://gpu.example",
        "ftp://localhost",
        "http://user:x@localhost",
        "http://2130706433",
        "localhost:8188",
    ):
        with pytest.raises(InputError) as caught:
            Wire(url)
        assert caught.value.code == "engine.address"


# --- the suite itself, and how it is wired -----------------------------------------------------------------------------


def test_no_test_reaches_another_machine_or_a_real_server():
    assert not [name for name in os.environ if name.startswith("TWINBOOK_COMFYUI_")]
    for address in (("93.184.216.34", 80), ("10.0.0.1", 8188)):
        with socket.socket() as line, pytest.raises(BaseException, match="a test tried to reach"):
            line.connect(address)


def test_the_engine_is_there_when_a_server_is_named_and_made_when_it_is_used(tmp_path):
    from twinbook.app import _engines
    from twinbook.settings import settings

    assert "comfyui" not in _engines(settings({}, tmp_path), None)
    named = {
        "TWINBOOK_COMFYUI_URL": "https://gpu.example",
        "TWINBOOK_COMFYUI_OPERATOR": "gpu-house",
        "TWINBOOK_COMFYUI_JOBS_A_DAY": "40",
        "TWINBOOK_COMFYUI_WORKFLOWS": str(tmp_path),
        "TWINBOOK_COMFYUI_TOKEN": "t",
    }
    engine = _engines(settings(named, tmp_path), None)["comfyui"]
    assert engine.profile().name == "comfyui"
    with pytest.raises(EngineRefused, match="gpu-house"):
        engine.plan(a_shot(), {})
    late = _engines(settings({"TWINBOOK_COMFYUI_URL": "http://gpu.example"}, tmp_path), None)["comfyui"]
    with pytest.raises(InputError, match="without encryption"):
        late.profile()
    for jobs in ("many", "-1", "1.5"):
        with pytest.raises(InputError) as caught:
            settings({"TWINBOOK_COMFYUI_JOBS_A_DAY": jobs}, tmp_path)
        assert caught.value.code == "engine.budget"


# --- her adapter -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"", b"x" * 40, an_adapter(), struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 2**60) + b"{}"],
    ids=["empty", "noise", "no layer", "no object", "endless"],
)
def test_an_adapter_without_layers_is_refused_not_loaded_to_nothing(data):
    from twinbook.engines.comfyui.premises import in_comfy_keys

    with pytest.raises(EngineRefused) as caught:
        in_comfy_keys(data)
    assert caught.value.code == "engine.adapter"


def test_what_a_server_still_has_mapped_is_zeros_and_no_trap(server):
    from twinbook.engines.comfyui.premises import Premises

    name = f"twinbook-{'9' * 32}.safetensors"
    with Premises(server.folder).lent(name, ADAPTER), (server.folder / "models/loras" / name).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size = len(mapped)
        assert mapped[-16:] == ADAPTER[-16:]
    assert mapped[:] == bytes(size)  # a shorter file would have killed whoever reads here
    mapped.close()


def test_where_memory_cant_be_lent_a_file_lies_there_for_the_job_alone(server, tmp_path, monkeypatch):
    from twinbook.engines.comfyui import premises

    monkeypatch.setattr(premises, "_in_memory", lambda data: None)
    folder = premises.Premises(server.folder)
    name = f"twinbook-{hashlib.md5(b'x').hexdigest()}.safetensors"
    with folder.lent(name, ADAPTER) as how:
        assert how == "file"
        assert (server.folder / "models/loras" / name).stat().st_mode & 0o077 == 0
    assert server.everything() == []


LENDING = """
    import sys, time
    from pathlib import Path
    from twinbook.engines.comfyui.premises import Premises
    with Premises(Path({folder!r})).lent({name!r}, sys.stdin.buffer.read()):
        print("lent", flush=True)
        time.sleep(60)
"""


def test_a_process_killed_while_it_lends_leaves_a_link_to_nowhere(server):
    name = f"twinbook-{'f' * 32}.safetensors"
    code = textwrap.dedent(LENDING).format(folder=str(server.folder), name=name)
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as lender:
        lender.stdin.write(ADAPTER)
        lender.stdin.close()
        assert lender.stdout.readline() == b"lent\n"
        link = server.folder / "models/loras" / name
        assert link.read_bytes().endswith(ADAPTER[-16:]), "a server of the same user can load it"
        lender.kill()
    assert link.is_symlink()
    assert not link.exists()


def test_what_a_killed_process_left_of_an_adapter_is_swept_away(server):
    from twinbook.engines.comfyui.premises import Premises

    loras = server.folder / "models/loras"
    gone, old, new, theirs = (loras / f"twinbook-{c * 32}.safetensors" for c in "abc0")
    gone.symlink_to("/proc/999999999/fd/3")
    old.write_bytes(b"hers")
    os.utime(old, (1, 1))
    new.write_bytes(b"of a job that runs")
    theirs = loras / "style.safetensors"
    theirs.write_bytes(b"theirs")
    with Premises(server.folder).lent(f"twinbook-{'d' * 32}.safetensors", ADAPTER):
        pass
    assert sorted(file.name for file in loras.iterdir()) == ["style.safetensors", new.name]
