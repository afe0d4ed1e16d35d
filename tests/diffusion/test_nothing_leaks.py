"""After training and rendering, files, temp folders, logs and output hold no plate, no adapter and no prompt in the clear.

It runs in a process of its own, whose HOME, TMPDIR and caches are folders that are read afterwards.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import safetensors.torch

STORY = """
import logging, pickle, sys
from dataclasses import replace
logging.basicConfig(level=logging.DEBUG)
import warnings; warnings.simplefilter("always")
import torch; torch.set_num_threads(1)
from pathlib import Path
from people_and_weights import a_plate
from tiny_training import A_PLAN, OpenTwin, Shelf, a_training, checkpoint_of
from twinbook.domain.brief import Shot
from twinbook.domain.generation import Generation
from twinbook.domain.permit import Act
from twinbook.engines.diffusion import DiffusionEngine, LoraTrainer
from twinbook.ports import RenderJob
from tiny_weights import registered
from twinbook.domain.weights import Family

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
weights = registered(folder, Family.SDXL)
plate = a_plate()
twin = OpenTwin({plate.facts.id: plate}, act=Act.TRAIN)
kept = []
real = twin.put_weights
twin.put_weights = lambda name, data: (kept.append(data), real(name, data))
plan = replace(A_PLAN, learning_rate=0.05, prior=1.0, prior_pictures=1)
trained = LoraTrainer().train(a_training(weights, folder, twin, plan, token="sks"), lambda *said: None)
checkpoint = checkpoint_of(trained, weights)
engine = DiffusionEngine(Shelf(weights, folder), device="cpu")
words = "zebracrossing at dusk " * 30  # longer than what encoders take: libraries like to tell what they cut off
shot = Shot("one", ("mira",), ("web-3x4",), generate=Generation(words, "tiny", steps=2))
planned = engine.plan(shot, {"mira": [plate.facts]}, {"mira": [checkpoint]})
twin = OpenTwin({plate.facts.id: plate}, {checkpoint.id: trained.adapter})
picture = engine.render(RenderJob(shot, planned, {"mira": "d1"}, {"mira": twin}))
out.write_bytes(pickle.dumps((trained.adapter, plate.rgb_srgb.tobytes(), picture.rgb_srgb.tobytes(), kept)))
"""


def test_nothing_of_hers_is_left_in_the_clear(sdxl, tmp_path):
    import pickle

    root = Path(__file__).parents[2]
    watched = tmp_path / "watched"
    names = ("HOME", "TMPDIR", "HF_HOME", "XDG_CACHE_HOME", "TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR")
    env = {name: str(watched / name) for name in names}
    for folder in env.values():
        Path(folder).mkdir(parents=True)
    paths = [root / "src", root / "bench", root / "tests", root / "tests" / "diffusion"]
    env |= {"PYTHONPATH": os.pathsep.join(map(str, paths)), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    answer = tmp_path / "answer.pickle"
    work = watched / "cwd"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", STORY, str(sdxl[1]), str(answer)], env=env, cwd=work, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    adapter, plate, picture, kept = pickle.loads(answer.read_bytes())
    answer.unlink()
    secrets = [b"zebracrossing", b"sks person"]
    for tensor in safetensors.torch.load(adapter).values():
        data = tensor.numpy().tobytes()
        secrets += [data[:24]] if np.any(tensor.numpy()) else []
    for pixels in (plate, picture):
        middle = len(pixels) // 2
        secrets += [pixels[middle : middle + 48]]
    secrets += [data[-32:] for data in kept]
    assert len(kept) > 1
    assert len(secrets) > 20
    files = [file for file in watched.rglob("*") if file.is_file()]
    seen = [done.stdout, done.stderr, *(file.read_bytes() for file in files)]
    found = [secret for secret in secrets for place in seen if secret in place]
    assert not found
    weights_like = [file for file in files if file.suffix in (".safetensors", ".bin", ".pt", ".png", ".jpg", ".npy")]
    assert not weights_like
