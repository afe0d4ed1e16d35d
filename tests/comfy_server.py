"""A server on loopback that behaves like ComfyUI 0.36, traps included, and makes real pictures without any weights.

Written from what ComfyUI's own server.py and execution.py do: `test_comfyui_real.py` holds the same client against the real
one. What an SDXL graph would paint is a flat colour drawn from prompt and seed; what it was told to keep comes back a
little changed, as a VAE does.
"""

import base64
import hashlib
import io
import json
import re
import struct
import threading
import time
import uuid
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from PIL import Image

NODES = {
    "CheckpointLoaderSimple": {"required": {"ckpt_name": [["sdxl/base.safetensors"], {}]}},
    "LoraLoader": {"required": {"model": ["MODEL"], "clip": ["CLIP"], "lora_name": ["COMBO", {"options": []}]}},
    "CLIPTextEncode": {"required": {"text": ["STRING", {}], "clip": ["CLIP"]}},
    "LoadImage": {"required": {"image": [[], {"image_upload": True}]}},
    "LoadImageMask": {"required": {"image": [[], {"image_upload": True}], "channel": [["red"]]}},
    "InpaintModelConditioning": {"required": {"pixels": ["IMAGE"], "mask": ["MASK"]}},
    "DifferentialDiffusion": {"required": {"model": ["MODEL"]}},
    "EmptyLatentImage": {"required": {"width": ["INT", {}], "height": ["INT", {}]}},
    "KSampler": {"required": {"model": ["MODEL"], "seed": ["INT", {}], "steps": ["INT", {}], "cfg": ["FLOAT", {}]}},
    "VAEDecode": {"required": {"samples": ["LATENT"], "vae": ["VAE"]}},
    "SaveImage": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {}]}},
}


def colour_of(prompt, seed):
    return np.frombuffer(hashlib.sha256(f"{prompt} {seed}".encode()).digest()[:3], np.uint8)


class Interrupted(Exception):
    pass


class ComfyStub:
    """``with ComfyStub(folder) as server``: ``folder`` gets models, input, output and temp.

    ``gate`` is clear while jobs are to hang in the middle; ``fails`` makes them fail; ``paint`` replaces what is made of an
    empty latent, ``spoil`` what is saved; ``instead`` answers a path in another way: a function of the handler.
    """

    def __init__(self, folder: Path, version="0.36.0", sockets=True):
        self.folder, self.version, self.sockets = folder, version, sockets
        for name in ("models/loras", "models/checkpoints", "input", "output", "temp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.gate = threading.Event()
        self.gate.set()
        self.fails = self.paint = self.spoil = None
        self.instead = {}
        self.log, self.adapters, self.freed = [], [], 0
        self.started = threading.Semaphore(0)
        self._forget_all()
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._clients = {}
        self._interrupt = threading.Event()
        self._open = True
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_request: None  # clients that hang up are part of the tests
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        self._threads = [
            threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True),
            threading.Thread(target=self._worker, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self._open = False
        self.gate.set()
        with self._lock:
            self._work.notify_all()
            for line in self._clients.values():
                line.close()
        self._http.shutdown()
        self._http.server_close()
        for thread in self._threads:
            thread.join(5)

    def restart(self):
        """Everything that it only remembered is gone."""
        with self._lock:
            self._forget_all()

    def calls(self, method, path):
        return [body for how, where, body in self.log if (how, where) == (method, path)]

    def files(self):
        """What lies there and isn't a picture of one pixel."""
        found = []
        for kind in ("input", "output", "temp"):
            for file in sorted((self.folder / kind).rglob("*")):
                if file.is_dir():
                    continue
                with Image.open(file) as image:
                    if image.size != (1, 1):
                        found.append(f"{kind}/{file.relative_to(self.folder / kind)}")
        return found

    def everything(self):
        return [str(file.relative_to(self.folder)) for file in sorted(self.folder.rglob("*")) if not file.is_dir()]

    def _forget_all(self):
        self.pending, self.running, self.history, self.cache = [], [], {}, {}

    # --- executing ---

    def _worker(self):
        while self._open:
            with self._lock:
                while self._open and not self.pending:
                    self._work.wait(0.2)
                if not self._open:
                    return
                item = self.pending.pop(0)
                self.running.append(item)
                self._interrupt.clear()
            _, job, graph, extra, wanted = item
            told = [["execution_start", {"prompt_id": job, "timestamp": 1}]]
            outputs, completed = {}, False
            try:
                for node in wanted:
                    outputs[node] = self._run(job, graph, node, extra.get("client_id"), told)
                told.append(["execution_success", {"prompt_id": job, "timestamp": 2}])
                completed = True
            except Interrupted:
                told.append(["execution_interrupted", {"prompt_id": job, "node_id": "20", "node_type": "KSampler"}])
            except Exception as error:
                about = {"prompt_id": job, "node_id": "20", "node_type": "KSampler", "exception_message": str(error)}
                told.append(["execution_error", about | {"exception_type": type(error).__name__}])
            status = {"status_str": "success" if completed else "error", "completed": completed, "messages": told}
            with self._lock:
                if item in self.running:  # not after a restart
                    self.running.remove(item)
                    self.history[job] = {"prompt": item, "outputs": outputs, "status": status, "meta": {}}
            self._say(extra.get("client_id"), told[-1][0], told[-1][1])
            self._say(extra.get("client_id"), "executing", {"node": None, "prompt_id": job})

    def _run(self, job, graph, node, client, told):
        signature = json.dumps([node, graph, [self._content(n) for n in graph.values()]], sort_keys=True)
        if signature in self.cache:  # what was made is not made again, whatever became of the file
            told.append(["execution_cached", {"nodes": list(graph), "prompt_id": job}])
            return self.cache[signature]
        made = self._picture(job, graph, client)
        made = self.spoil(made) if self.spoil else made
        prefix = graph[node]["inputs"]["filename_prefix"]
        taken = [
            int(m[1])
            for f in (self.folder / "output").iterdir()
            if (m := re.match(rf"{re.escape(prefix)}_(\d+)_", f.name))
        ]
        name = f"{prefix}_{max(taken, default=0) + 1:05}_.png"
        Image.fromarray(made).save(self.folder / "output" / name)
        self.cache[signature] = {"images": [{"filename": name, "subfolder": "", "type": "output"}]}
        return self.cache[signature]

    def _content(self, node):
        """LoadImage is run again when the file has changed."""
        file = self.folder / "input" / str(node["inputs"].get("image"))
        return hashlib.sha256(file.read_bytes()).hexdigest() if "image" in node["inputs"] and file.is_file() else ""

    def _picture(self, job, graph, client):
        of = {node["class_type"]: node["inputs"] for node in graph.values()}
        for node in graph.values():
            if node["class_type"] == "LoraLoader":
                self.adapters.append((self.folder / "models/loras" / node["inputs"]["lora_name"]).read_bytes())
        sampler = of["KSampler"]
        self.started.release()
        for step in range(1, 4):
            self._say(client, "progress", {"value": step, "max": 3, "prompt_id": job, "node": "20"})
            while not self.gate.wait(0.01):
                if self._interrupt.is_set() or not self._open:
                    raise Interrupted
            if self._interrupt.is_set():
                raise Interrupted
        if self.fails:
            raise self.fails
        seed = sampler["seed"]
        positive = graph[sampler["positive"][0]]
        if positive["class_type"] == "InpaintModelConditioning":
            positive = graph[positive["inputs"]["positive"][0]]
            links = (of["InpaintModelConditioning"][name] for name in ("pixels", "mask"))
            plate, mask = (self._opened(graph[node]["inputs"]["image"]) for node, _ in links)
            through_vae = np.clip(plate.astype(int) + 3, 0, 255).astype(np.uint8)
            return np.where(mask[..., :1] > 127, colour_of(positive["inputs"]["text"], seed), through_vae)
        size = of["EmptyLatentImage"]["height"], of["EmptyLatentImage"]["width"]
        if self.paint:
            return self.paint(*size)
        return np.broadcast_to(colour_of(positive["inputs"]["text"], seed), (*size, 3)).copy()

    def _opened(self, name):
        with Image.open(self.folder / "input" / name) as image:
            return np.asarray(image.convert("RGB"))

    def _faults(self, graph):
        """As validate_prompt has it: (error, outputs that can run, faults by node)."""
        for node in graph.values():
            if node.get("class_type") not in NODES:
                return {"type": "missing_node_type", "message": "no such node"}, [], {}
        faults = {}
        for name, node in graph.items():
            said = []
            inputs = node["inputs"]
            if (
                "ckpt_name" in inputs
                and inputs["ckpt_name"] not in NODES["CheckpointLoaderSimple"]["required"]["ckpt_name"][0]
            ):
                said.append({"type": "value_not_in_list", "message": "", "extra_info": {"input_name": "ckpt_name"}})
            if "lora_name" in inputs and not (self.folder / "models/loras" / inputs["lora_name"]).is_file():
                said.append({"type": "value_not_in_list", "message": "", "extra_info": {"input_name": "lora_name"}})
            if "image" in inputs and not (self.folder / "input" / inputs["image"]).is_file():
                said.append({"type": "custom_validation_failed", "message": "", "extra_info": {"input_name": "image"}})
            if said:
                faults[name] = {"errors": said, "dependent_outputs": ["22"], "class_type": node["class_type"]}
        outputs = [name for name, node in graph.items() if node["class_type"] == "SaveImage"]
        good = [name for name in outputs if not faults.keys() & self._behind(graph, name)]
        if not good:
            return {"type": "prompt_outputs_failed_validation", "message": ""}, [], faults
        return None, good, faults

    def _behind(self, graph, node):
        found = {node}
        for value in graph[node]["inputs"].values():
            if isinstance(value, list):
                found |= self._behind(graph, value[0])
        return found

    # --- speaking ---

    def _say(self, client, kind, data):
        with self._lock:
            line = self._clients.get(client)
        if line:
            text = json.dumps({"type": kind, "data": data}).encode()
            preview = struct.pack(">II", 1, 2) + b"\x89PNG"
            for code, body in ((2, preview), (1, text)):
                head = bytes([0x80 | code]) + (
                    bytes([len(body)]) if len(body) < 126 else struct.pack(">BH", 126, len(body))
                )
                try:
                    line.sendall(head + body)
                except OSError:
                    return

    def _handler(stub):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_words):
                pass

            def answer(self, status, body=b"", kind="application/json", **headers):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def json(self, document, status=200):
                self.answer(status, json.dumps(document).encode(), "application/json; charset=utf-8")

            def handle_one(self, method):
                where = urlsplit(self.path)
                path, query = unquote(where.path), {k: v[0] for k, v in parse_qs(where.query).items()}
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.log.append((method, path, body))
                for known, reply in list(stub.instead.items()):
                    if path.startswith(known) and reply(self):
                        return
                name = f"{method} /{path.split('/')[1]}"
                route = getattr(
                    self,
                    {
                        "GET /system_stats": "stats",
                        "GET /object_info": "object_info",
                        "GET /queue": "queue",
                        "GET /history": "history",
                        "GET /view": "view",
                        "GET /ws": "ws",
                        "POST /prompt": "prompt",
                        "POST /upload": "upload",
                        "POST /queue": "dequeue",
                        "POST /interrupt": "interrupt",
                        "POST /history": "unhistory",
                        "POST /free": "free",
                    }.get(name, "unknown"),
                )
                route(path, query, body)

            def do_GET(self):
                self.handle_one("GET")

            def do_POST(self):
                self.handle_one("POST")

            def unknown(self, *_asked):
                self.answer(404)

            def stats(self, *_asked):
                self.json({"system": {"comfyui_version": stub.version, "os": "linux"}, "devices": []})

            def object_info(self, path, *_asked):
                kind = path.removeprefix("/object_info/")
                self.json({kind: {"input": NODES[kind], "name": kind}} if kind in NODES else {})

            def queue(self, *_asked):
                with stub._lock:
                    self.json({"queue_running": stub.running[:], "queue_pending": stub.pending[:]})

            def history(self, path, *_asked):
                job = path.removeprefix("/history/")
                with stub._lock:
                    self.json({job: stub.history[job]} if job in stub.history else {})

            def view(self, _path, query, _body):
                file = (
                    stub.folder
                    / query.get("type", "output")
                    / query.get("subfolder", "")
                    / Path(query["filename"]).name
                )
                self.answer(200, file.read_bytes(), "image/png") if file.is_file() else self.answer(404)

            def prompt(self, _path, _query, body):
                said = json.loads(body)
                job = said.get("prompt_id") or str(uuid.uuid4())
                if str(uuid.UUID(job)) != job:
                    return self.json({"error": {"type": "invalid_prompt_id"}, "node_errors": {}}, 400)
                with stub._lock:
                    error, wanted, faults = stub._faults(said["prompt"])
                    if error:
                        return self.json({"error": error, "node_errors": faults}, 400)
                    number = len(stub.log)
                    stub.pending.append([number, job, said["prompt"], {"client_id": said.get("client_id")}, wanted])
                    stub._work.notify_all()
                self.json({"prompt_id": job, "number": number, "node_errors": faults})

            def upload(self, _path, _query, body):
                head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
                parts = {
                    part.get_param("name", header="content-disposition"): part
                    for part in message_from_bytes(head + body).get_payload()
                }
                fields = {name: part.get_payload(decode=True) for name, part in parts.items()}
                name, data = parts["image"].get_filename(), fields["image"]
                kind, subfolder = fields.get("type", b"input").decode(), fields.get("subfolder", b"").decode()
                folder = (stub.folder / kind / subfolder).resolve()
                if not folder.is_relative_to(stub.folder.resolve()):
                    return self.answer(400)
                folder.mkdir(parents=True, exist_ok=True)
                file, number = folder / name, 1
                while fields.get("overwrite") not in (b"true", b"1") and file.exists():
                    if file.read_bytes() == data:
                        break
                    file, number = folder / f"{Path(name).stem} ({number}){Path(name).suffix}", number + 1
                file.write_bytes(data)
                self.json({"name": file.name, "subfolder": subfolder, "type": kind})

            def dequeue(self, _path, _query, body):
                gone = json.loads(body).get("delete", [])
                with stub._lock:
                    stub.pending[:] = [item for item in stub.pending if item[1] not in gone]
                self.answer(200)

            def interrupt(self, _path, _query, body):
                job = json.loads(body or b"{}").get("prompt_id")
                with stub._lock:
                    if job is None or any(item[1] == job for item in stub.running):
                        stub._interrupt.set()
                self.answer(200)

            def unhistory(self, _path, _query, body):
                with stub._lock:
                    for job in json.loads(body).get("delete", []):
                        stub.history.pop(job, None)
                self.answer(200)

            def free(self, *_asked):
                stub.freed += 1
                stub.cache.clear()
                self.answer(200)

            def ws(self, _path, query, _body):
                if not stub.sockets:
                    return self.answer(404)
                key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                self.send_response(101)
                self.send_header("Upgrade", "websocket")
                self.send_header("Connection", "Upgrade")
                self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
                self.end_headers()
                self.close_connection = True
                with stub._lock:
                    stub._clients[query["clientId"]] = self.connection
                stub._say(query["clientId"], "status", {"status": {"exec_info": {"queue_remaining": 0}}})
                while stub._open:  # until the client closes it
                    try:
                        said = self.connection.recv(1024)
                        if not said or said[0] & 0x0F == 8:  # it says that it closes
                            break
                    except OSError:
                        break
                with stub._lock:
                    stub._clients.pop(query["clientId"], None)

        return Handler


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def until(true, seconds=10):
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to pass"
        time.sleep(0.005)
