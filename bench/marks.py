"""What the invisible marks cost and survive, beside peers in the same run: ``python bench/marks.py``.

The blind watermark, the per-copy mark and the peers go through one matrix of attacks, on photographs that scikit-image
ships, at their own size, and on the demonstration's renders. QUICK=1 takes few of each, in under a minute.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data
from skimage.metrics import structural_similarity

from twinbook.domain.errors import TwinbookError
from twinbook.domain.provenance import ReleaseId
from twinbook.reader import copy_mark as tracer
from twinbook.reader.watermark import read_watermark
from twinbook.seal.copy_mark import CopyHost
from twinbook.seal.watermark import embed

PEERS = ["blind-watermark==0.4.4", "PyWavelets", "invisible-watermark==0.2.0"]
QUICK = os.environ.get("QUICK") == "1"
RENDERS = Path(__file__).resolve().parents[1] / "examples" / "demo" / "photos"
RELEASE, OTHER = ReleaseId("9f3c01a7d24b"), ReleaseId("0123456789ab")
BITS = np.array([RELEASE.number >> (47 - i) & 1 for i in range(48)], bool)
SECRET = bytes(range(32))
COPIES, LEAKER = 10_000, 4711
INNOCENT_TRIALS = 50_000 if QUICK else 1_000_000
TRACED, PEERED = (1, 1) if QUICK else (5, 2)  # photographs that the slow ones are measured on
Attack = Callable[[np.ndarray], np.ndarray]


# --- attacks ----------------------------------------------------------------------------------------------------


def coded(picture: np.ndarray, form: str, quality: int) -> np.ndarray:
    file = io.BytesIO()
    options = {"subsampling": 2} if form == "JPEG" else {}
    Image.fromarray(np.ascontiguousarray(picture)).save(file, form, quality=quality, **options)
    return np.asarray(Image.open(file).convert("RGB"))


def jpeg(picture: np.ndarray, quality: int = 75) -> np.ndarray:
    return coded(picture, "JPEG", quality)


def wide(picture: np.ndarray, width: int) -> np.ndarray:
    """Made smaller to this width; a platform enlarges nothing."""
    if picture.shape[1] <= width:
        return picture
    size = (width, round(picture.shape[0] * width / picture.shape[1]))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def cropped(picture: np.ndarray, area: float) -> np.ndarray:
    """Off centre, by a fraction of a pixel's grid that nobody chose."""
    height, width = (round(side * area**0.5) for side in picture.shape[:2])
    top, left = round((picture.shape[0] - height) * 0.37), round((picture.shape[1] - width) * 0.61)
    return np.ascontiguousarray(picture[top : top + height, left : left + width])


def rotated(picture: np.ndarray, degrees: float) -> np.ndarray:
    """Turned, and cut to the largest upright part without empty corners."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turned = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC)
    angle = np.deg2rad(abs(degrees))
    share = 1 / (np.cos(angle) + np.sin(angle) * max(height / width, width / height))
    high, across = int(height * share), int(width * share)
    top, left = (height - high) // 2, (width - across) // 2
    return np.ascontiguousarray(turned[top : top + high, left : left + across])


def toned(picture: np.ndarray, gain: float = 1, offset: float = 0, gamma: float = 1) -> np.ndarray:
    return np.clip(255 * (picture / 255.0) ** gamma * gain + offset, 0, 255).astype(np.uint8)


def noisy(picture: np.ndarray, sigma: float) -> np.ndarray:
    return np.clip(picture + np.random.default_rng(1).normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)


def tilted(picture: np.ndarray, by: float) -> np.ndarray:
    height, width = picture.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    moved = corners + np.float32([[by, by / 2], [-by / 3, by], [-by, -by * 0.6], [by / 2, -by / 5]]) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, np.float32(moved))
    return cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=(240, 240, 240))


def written_over(picture: np.ndarray) -> np.ndarray:
    out, (height, width) = picture.copy(), picture.shape[:2]
    for i, words in enumerate(("NEW IN", "-50 %", "only today")):
        place = (width // 20, height * (2 + 2 * i) // 8)
        cv2.putText(out, words, place, cv2.FONT_HERSHEY_SIMPLEX, width / 300, (250, 250, 250), max(2, width // 90))
    return out


def bannered(picture: np.ndarray) -> np.ndarray:
    out = picture.copy()
    out[-picture.shape[0] // 7 :] = (24, 20, 60)
    return out


def screenshot(picture: np.ndarray) -> np.ndarray:
    """Shown at 0.8 of its size between an app's bars, and saved as JPEG."""
    small = cv2.resize(picture, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_LINEAR)
    bar = small.shape[0] // 8
    return jpeg(cv2.copyMakeBorder(small, bar, bar, 12, 12, cv2.BORDER_CONSTANT, value=(18, 18, 18)), 85)


def printed(picture: np.ndarray) -> np.ndarray:
    """Like a print that was scanned: turned a little, softened, lower in contrast, with paper's light and grain."""
    soft = cv2.GaussianBlur(tilted(rotated(picture, 0.7), 0.008), (0, 0), 1.0)
    light = np.linspace(0.94, 1.04, picture.shape[1], dtype=np.float32)
    lit = cv2.resize(light[None, :], (soft.shape[1], soft.shape[0]))[..., None] * soft
    return jpeg(noisy(toned(np.clip(lit, 0, 255), 0.86, 18), 3), 80)


def collage(picture: np.ndarray) -> np.ndarray:
    """Beside another picture, on a white sheet."""
    height, width = picture.shape[:2]
    sheet = np.full((int(height * 1.15), int(width * 2.1), 3), 250, np.uint8)
    beside = cv2.resize(np.ascontiguousarray(data.coffee()), (width, height), interpolation=cv2.INTER_CUBIC)
    sheet[height // 12 :][:height, width // 30 :][:, :width] = picture
    sheet[height // 12 :][:height, int(width * 1.07) :][:, :width] = beside
    return jpeg(sheet, 80)


def patched(picture: np.ndarray) -> np.ndarray:
    """Somebody else's face over a quarter of each side, where faces usually are."""
    out, (height, width) = picture.copy(), picture.shape[:2]
    other = cv2.resize(data.astronaut()[30:250, 120:330], (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    out[height // 8 :][: height // 4, width * 3 // 8 :][:, : width // 4] = other
    return jpeg(out, 85)


def lightened(picture: np.ndarray) -> np.ndarray:
    """Everything that has skin's colour, 8 L* lighter."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab[..., 0] += 8 * cv2.GaussianBlur(skin_of(picture).astype(np.float32), (0, 0), 3)
    return jpeg(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * 255, 0, 255).astype(np.uint8), 85)


ATTACKS: dict[str, Attack] = {
    "none": lambda p: p,
    **{f"JPEG {q}": lambda p, q=q: jpeg(p, q) for q in (90, 75, 70, 50, 30)},
    "WebP 75": lambda p: coded(p, "WEBP", 75),
    "AVIF 60": lambda p: coded(p, "AVIF", 60),
    "1080 q75": lambda p: jpeg(wide(p, 1080)),
    "540 q75": lambda p: jpeg(wide(p, 540)),
    "540 q50": lambda p: jpeg(wide(p, 540), 50),
    "320 q75": lambda p: jpeg(wide(p, 320)),
    **{f"crop {a} %": lambda p, a=a: cropped(p, a / 100) for a in (90, 75, 50, 25)},
    **{f"crop {a} % 1080 q75": lambda p, a=a: jpeg(wide(cropped(p, a / 100), 1080)) for a in (90, 75, 50, 25)},
    "rotated 2°": lambda p: jpeg(rotated(p, 2)),
    "rotated 15°": lambda p: jpeg(rotated(p, 15)),
    "flipped": lambda p: jpeg(p[:, ::-1]),
    "brighter": lambda p: jpeg(toned(p, 1.15)),
    "contrast": lambda p: jpeg(toned(p, 1.25, -32)),
    "gamma 0.8": lambda p: jpeg(toned(p, gamma=0.8)),
    "warm cast": lambda p: jpeg(np.clip(p * np.float32([1.08, 1, 0.88]), 0, 255).astype(np.uint8)),
    "blur": lambda p: jpeg(cv2.GaussianBlur(p, (0, 0), p.shape[1] / 900)),
    "noise": lambda p: jpeg(noisy(p, 6)),
    "screenshot": screenshot,
    "print-scan": printed,
    "perspective": lambda p: jpeg(tilted(p, 0.03)),
    "text": lambda p: jpeg(written_over(p)),
    "banner": lambda p: jpeg(bannered(p)),
    "collage": collage,
    "face patch": patched,
    "skin lightened": lightened,
}
PROMISED = ("JPEG 75", "1080 q75", "crop 75 %", "crop 75 % 1080 q75", "rotated 2°", "text")
BRIEF = ("none", "1080 q75", "540 q50", "crop 75 % 1080 q75", "rotated 2°", "text")


def photographs() -> dict[str, np.ndarray]:
    def colour(picture: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.dstack([picture] * 3) if picture.ndim == 2 else picture[..., :3])

    def render(name: str) -> np.ndarray:
        return np.asarray(Image.open(RENDERS / f"{name}.jpg").convert("RGB"))

    renders = ("mira/head-front", "sami/full-front", "sami/head-front", "mira/full-front", "mira/waist-front")
    found = {name: render(name) for name in renders[: 2 if QUICK else 5]}
    names = ["astronaut", "camera", "coffee", "rocket", "hubble_deep_field", "retina", "immunohistochemistry"]
    names += ["grass", "gravel", "brick", "moon"]
    found |= {name: colour(getattr(data, name)()) for name in names[: 1 if QUICK else None]}
    return found if QUICK else found | {"motorcycle": colour(data.stereo_motorcycle()[0])}


# --- figures ----------------------------------------------------------------------------------------------------


def psnr(before: np.ndarray, after: np.ndarray) -> float:
    return 10 * float(np.log10(255**2 / max(np.mean((before.astype(float) - after) ** 2), 1e-9)))


def ssim(before: np.ndarray, after: np.ndarray) -> float:
    return float(structural_similarity(before, after, channel_axis=2))


def skin_of(picture: np.ndarray) -> np.ndarray:
    """Where the colour is skin's, after Chai and Ngan (1999): bool (h, w)."""
    _, cr, cb = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    return (cr >= 133) & (cr <= 173) & (cb >= 77) & (cb <= 127)


def figure(name: str, value: float, goal: float, *, above: bool = True) -> None:
    met = value >= goal if above else value <= goal
    print(f"figure: {name} = {value:.4g} (goal {'>=' if above else '<='} {goal:g}) {'ok' if met else 'short'}")


def attacks() -> dict[str, Attack]:
    return {name: ATTACKS[name] for name in BRIEF} if QUICK else ATTACKS


def blind(pictures: dict[str, np.ndarray]) -> None:
    """Accuracy is all or nothing: the CRC lets no half-read id through. Where nothing is read, half the bits are right."""
    accuracy: dict[str, list[float]] = {name: [] for name in attacks()}
    kept, likeness, wrong = [], [], 0
    for name, picture in pictures.items():
        try:
            marked = embed(picture, RELEASE)
        except TwinbookError as error:
            print(f"{name:22} refused: {error.diagnosis}")
            continue
        kept.append(marked.psnr)
        likeness.append(ssim(picture, marked.rgb_srgb))
        lost = []
        for attack, apply in attacks().items():
            read = read_watermark(apply(marked.rgb_srgb)).release
            accuracy[attack].append(1.0 if read == RELEASE else 0.5)
            wrong += read not in (RELEASE, None)
            if read != RELEASE:
                lost.append(attack)
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        said = ", ".join(lost) or "nothing"
        print(f"{name:22} {size:>10} {marked.algorithm[-1]:>2} {marked.psnr:6.1f} dB  lost: {said}", flush=True)
    twice = [embed(embed(p, RELEASE).rgb_srgb, OTHER).rgb_srgb for p in list(pictures.values())[:3]]
    seconds = [read_watermark(jpeg(each)).release for each in twice]
    print("\n| blind watermark, attack | bit accuracy | read whole |\n|---|---|---|")
    for attack, values in accuracy.items():
        print(f"| {attack} | {np.mean(values):.3f} | {sum(v == 1 for v in values)} of {len(values)} |")
    print(f"| marked over with another id | reads {', '.join(str(each) for each in seconds)} | |\n")
    figure("blind bit accuracy at 1080 q75", float(np.mean(accuracy["1080 q75"])), 0.99)
    figure("blind lowest PSNR, dB", min(kept), 43)
    print(f"blind mean PSNR {np.mean(kept):.1f} dB, SSIM mean {np.mean(likeness):.4f}, lowest {min(likeness):.4f}")
    promised = [value == 1.0 for attack in PROMISED if attack in accuracy for value in accuracy[attack]]
    figure("blind read after every promised attack, share", float(np.mean(promised)), 1.0)
    figure("blind wrong ids read", wrong, 0, above=False)


def unmarked(pictures: dict[str, np.ndarray]) -> None:
    """Pieces of unmarked pictures; that none reads bounds the rate at 3 / n (95 %), the rest is arithmetic."""
    random, read, count = np.random.default_rng(5), 0, 40 if QUICK else 600
    every = list(pictures.values())
    for i in range(count):
        whole = every[i % len(every)]
        side = int(random.integers(200, min(400, *whole.shape[:2])))
        top, left = (int(random.integers(0, full - side + 1)) for full in whole.shape[:2])
        read += read_watermark(np.ascontiguousarray(whole[top : top + side, left : left + side])).release is not None
    figure(f"blind ids read in {count} unmarked pieces", read, 0, above=False)


def traced(pictures: dict[str, np.ndarray]) -> None:
    evidences, whose, names, skin = [], [], [], []
    crew = [LEAKER + 13 * i for i in range(8)]
    started, marking, tracing = time.perf_counter(), [], []
    for name, picture in list(pictures.items())[:TRACED]:
        host = CopyHost(picture)
        started = time.perf_counter()
        leaked = host.mark(SECRET, str(LEAKER))
        marking.append(time.perf_counter() - started)
        on = skin_of(picture)
        skin.append(psnr(picture[on], leaked[on]))
        print(
            f"{name:22} {psnr(picture, leaked):6.1f} dB, skin {skin[-1]:.1f} dB, SSIM {ssim(picture, leaked):.4f}",
            flush=True,
        )
        mixed = np.rint(np.mean([host.mark(SECRET, str(i)).astype(np.float32) for i in crew], axis=0)).astype(np.uint8)
        shown = {attack: (apply(leaked), [LEAKER]) for attack, apply in attacks().items()}
        shown |= {"average of 8": (mixed, crew), "average of 8, 1080 q75": (jpeg(wide(mixed, 1080)), crew)}
        shown |= {"average of 8, 540 q50": (jpeg(wide(mixed, 540), 50), crew)}
        for attack, (found, guilty) in shown.items():
            started = time.perf_counter()
            evidence = tracer.examine(found, picture)
            tracing.append(time.perf_counter() - started)
            names.append(attack)
            whose.append(guilty)
            evidences.append(evidence.chips if evidence else np.zeros(tracer.CHIPS, np.float32))
    scores = all_scores(np.stack(evidences), COPIES)
    bound = tracer.threshold(COPIES)
    print(
        f"\n| per-copy mark, attack (of {COPIES} copies; threshold {bound:.2f}) | weakest guilty | best innocent | named |"
    )
    print("|---|---|---|---|")
    named: dict[str, bool] = {}
    for attack in dict.fromkeys(names):
        rows = [i for i, each in enumerate(names) if each == attack]
        weakest = min(float(scores[i, whose[i]].min()) for i in rows)
        innocent = max(float(np.delete(scores[i], whose[i]).max()) for i in rows)
        first = all(scores[i, whose[i]].min() > np.delete(scores[i], whose[i]).max() for i in rows)
        named[attack] = first and weakest >= bound
        said = "yes" if named[attack] else "ranked first, below the threshold" if first else "no"
        print(f"| {attack} | {weakest:.1f} | {innocent:.1f} | {said} |")
    print()
    single = [ok for attack, ok in named.items() if not attack.startswith("average") and attack != "320 q75"]
    figure("per-copy named after every attack down to 540 q50, share", float(np.mean(single)), 1.0)
    figure("per-copy all 8 named in an average at 1080 q75", float(named["average of 8, 1080 q75"]), 1.0)
    figure("per-copy all 8 named in an average at 540 q50", float(named["average of 8, 540 q50"]), 1.0)
    figure("per-copy lowest PSNR on skin, dB", min(skin), 46)
    few = np.stack(evidences)[:: max(1, len(evidences) // 10)][:10]
    codes = INNOCENT_TRIALS // len(few)
    innocent = all_scores(few, codes, "innocent ")
    figure(
        f"per-copy innocents above the threshold in {innocent.size} trials",
        float((innocent >= bound).sum()),
        0,
        above=False,
    )
    print(f"best innocent of {innocent.size}: {innocent.max():.2f}; threshold {bound:.2f}")
    print(f"a copy's mark {np.median(marking):.2f} s, a look at a found picture {np.median(tracing):.2f} s (median)")


def all_scores(evidences: np.ndarray, copies: int, prefix: str = "") -> np.ndarray:
    """The score of every copy in every picture: (pictures, copies). The tracer's own sums, many pictures at a time."""
    out = np.empty((len(evidences), copies))
    for first in range(0, copies, 512):
        numbers = range(first, min(first + 512, copies))
        keys = (tracer.copy_key(SECRET, f"{prefix}{i}") for i in numbers)
        out[:, first : first + len(numbers)] = tracer.correlate(tracer.Evidence(evidences.T, 1.0), keys).T
    return out


def costs() -> None:
    picture = cv2.resize(data.astronaut()[:, 85:426], (2048, 3072), interpolation=cv2.INTER_CUBIC)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock, spent = time.process_time, {}
    started = clock()
    marked = embed(picture, RELEASE).rgb_srgb
    spent["blind embed at 2048x3072, s of one core"] = clock() - started
    started = clock()
    read_watermark(jpeg(marked))
    spent["blind decode at 2048x3072, s of one core"] = clock() - started
    piece = jpeg(rotated(cropped(marked, 0.75), 2))
    started = clock()
    read_watermark(piece)
    spent["blind decode, cropped and rotated, s of one core"] = clock() - started
    for name, seconds in spent.items():
        figure(name, seconds, 1.5, above=False)
    print(
        f"memory {before / 1024:.0f} MB before, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most"
    )


# --- peers ------------------------------------------------------------------------------------------------------


class BlindWatermark:
    """It gets what it asks for: 48 bits, its default strength, and the original size to scale back to."""

    name = "blind-watermark"

    def __init__(self) -> None:
        package = importlib.import_module("blind_watermark")
        package.bw_notes.close()
        self._kind = package.WaterMark

    def embed(self, picture: np.ndarray) -> np.ndarray:
        marker = self._kind(password_img=1, password_wm=1)
        marker.read_img(img=cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        marker.read_wm(BITS.tolist(), mode="bit")
        return cv2.cvtColor(np.clip(np.rint(marker.embed()), 0, 255).astype(np.uint8), cv2.COLOR_BGR2RGB)

    def accuracy(self, picture: np.ndarray, like: np.ndarray) -> float:
        picture = cv2.resize(picture, (like.shape[1], like.shape[0]), interpolation=cv2.INTER_CUBIC)
        marker = self._kind(password_img=1, password_wm=1)
        bits = marker.extract(embed_img=cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), wm_shape=48, mode="bit")
        return float(((np.asarray(bits) > 0.5) == BITS).mean())


class InvisibleWatermark:
    """The same: 48 bits, default strength. Its modules are loaded one by one, since its package wants torch for all of them."""

    def __init__(self, method: str) -> None:
        self.name, self._kind = f"invisible-watermark {method}", _METHODS[method]

    def _marker(self, bits: list[int]) -> object:
        module = _module_of("imwatermark", self._kind[0])
        return getattr(module, self._kind[1])(bits, wmLen=48)

    def embed(self, picture: np.ndarray) -> np.ndarray:
        marked = self._marker(BITS.astype(int).tolist()).encode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        return cv2.cvtColor(marked, cv2.COLOR_BGR2RGB)

    def accuracy(self, picture: np.ndarray, like: np.ndarray) -> float:
        picture = cv2.resize(picture, (like.shape[1], like.shape[0]), interpolation=cv2.INTER_CUBIC)
        bits = self._marker([]).decode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        return float((np.asarray(bits).astype(bool) == BITS).mean())


class RivaGan:
    """RivaGAN's ONNX weights out of the same wheel, at the picture's own size: 32 bits."""

    name = "invisible-watermark rivaGan"

    def __init__(self) -> None:
        onnxruntime = importlib.import_module("onnxruntime")
        folder = _folder_of("imwatermark")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(str(folder / f"rivagan_{part}.onnx"), options, ["CPUExecutionProvider"])
            for part in ("encoder", "decoder")
        )

    @staticmethod
    def _frame(picture: np.ndarray) -> np.ndarray:
        return (np.float32(picture[..., ::-1]) / 127.5 - 1).transpose(2, 0, 1)[None, :, None]

    def embed(self, picture: np.ndarray) -> np.ndarray:
        frame = {"frame": self._frame(picture), "data": np.float32(BITS[None, :32])}
        (marked,) = self._encoder.run(None, frame)
        return np.uint8((np.clip(marked[0, :, 0].transpose(1, 2, 0), -1, 1) + 1) * 127.5)[..., ::-1]

    def accuracy(self, picture: np.ndarray, like: np.ndarray) -> float:
        picture = cv2.resize(picture, (like.shape[1], like.shape[0]), interpolation=cv2.INTER_CUBIC)
        (read,) = self._decoder.run(None, {"frame": self._frame(picture)})
        return float(((read[0] > 0.52) == BITS[:32]).mean())


_METHODS = {"dwtDct": ("maxDct", "EmbedMaxDct"), "dwtDctSvd": ("dwtDctSvd", "EmbedDwtDctSvd")}


def _folder_of(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None:
        raise ImportError(f"{package} is not installed")
    return Path(next(iter(found.submodule_search_locations)))


def _module_of(package: str, name: str) -> object:
    spec = importlib.util.spec_from_file_location(f"peer_{name}", _folder_of(package) / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MADE = {
    "blind-watermark": BlindWatermark,
    "invisible-watermark dwtDct": lambda: InvisibleWatermark("dwtDct"),
    "invisible-watermark dwtDctSvd": lambda: InvisibleWatermark("dwtDctSvd"),
    "invisible-watermark rivaGan": RivaGan,
}


def peers(pictures: dict[str, np.ndarray]) -> None:
    """Each peer through the same attacks, with our watermark's figures beside it on the same pictures."""
    chosen = list(pictures.values())[:PEERED]
    columns: dict[str, list[float]] = {"ours": _row(lambda p: embed(p, RELEASE).rgb_srgb, _whole, chosen, "ours")}
    for name, make in MADE.items():
        try:
            peer = make()
            columns[name] = _row(peer.embed, peer.accuracy, chosen, name)
        except Exception as error:  # whatever a package does when it is loaded or used
            print(f"{name}: not run ({type(error).__name__}: {error})")
    print(f"\n| attack, bit accuracy on {len(chosen)} renders | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for row, attack in enumerate(attacks()):
        print(f"| {attack} | " + " | ".join(f"{values[row]:.2f}" for values in columns.values()) + " |")
    best = {name: float(np.mean(values)) for name, values in columns.items()}
    print("mean over all attacks: " + ", ".join(f"{name} {value:.3f}" for name, value in best.items()))
    others = [value for name, value in best.items() if name != "ours"]
    if others:
        figure("blind mean bit accuracy over the matrix, of the best peer's", best["ours"] / max(others), 1.0)


def _whole(picture: np.ndarray, like: np.ndarray) -> float:
    return 1.0 if read_watermark(picture).release == RELEASE else 0.5


def _row(
    mark: Callable[[np.ndarray], np.ndarray],
    accuracy: Callable[[np.ndarray, np.ndarray], float],
    pictures: list[np.ndarray],
    name: str,
) -> list[float]:
    values: dict[str, list[float]] = {attack: [] for attack in attacks()}
    for picture in pictures:
        before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        marked = mark(picture)
        spent = time.process_time() - started
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(
            f"{name}: {picture.shape[1]}x{picture.shape[0]}, {psnr(picture, marked):.1f} dB, SSIM {ssim(picture, marked):.4f}, "
            f"{spent:.2f} s, {more:.0f} MB more at most",
            flush=True,
        )
        for attack, apply in attacks().items():
            values[attack].append(accuracy(apply(marked), picture))
    return [float(np.mean(each)) for each in values.values()]


def main() -> None:
    cv2.setNumThreads(1)
    pictures = photographs()
    print(f"{len(pictures)} pictures, {len(attacks())} attacks\n")
    blind(pictures)
    unmarked(pictures)
    traced(pictures)
    costs()
    peers(pictures)


if __name__ == "__main__":
    main()
