"""The reader in a process of its own, given mutated files: ``python fuzzing.py FOLDER FIRST COUNT SECONDS``.

Writes a line of JSON with what came of it. The process has no more than 1 GB for what it allocates, so that a file that takes
more ends as a MemoryError, which the test counts; a file that takes over five seconds of its processor is counted too.
"""

import hashlib
import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from mutating import mutated

from twinbook.domain.errors import InputError
from twinbook.domain.provenance import State
from twinbook.domain.verdict import judge
from twinbook.reader import ImageReader, PictureFingerprinter

MOST_MEMORY = 2**30  # bytes, over what the libraries took before the first file
MOST_SECONDS = 5.0


def main(folder: Path, first: int, count: int, seconds: float) -> dict:
    files = [file.read_bytes() for file in sorted(folder.glob("released.*"))]
    known = {hashlib.sha256(data).hexdigest() for data in files}
    reader, fingerprinter = ImageReader((folder / "anchors.pem").read_text()), PictureFingerprinter()
    for data in files:  # loads every library before the limit is set
        assert reader.read(data).manifest.state == "trusted"
        fingerprinter.traits(data)
    address_space = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (address_space + MOST_MEMORY, resource.RLIM_INFINITY))
    outcomes, slowest, wrong = Counter(), 0.0, []
    pixels = {fingerprinter.pixels(data) for data in files}
    until = time.monotonic() + seconds
    done = 0
    for seed in range(first, first + count):
        if time.monotonic() > until:
            break
        data = mutated(files[seed % len(files)], seed, files)
        started = time.process_time()
        outcome = _outcome(reader, fingerprinter, data, known, pixels)
        took = time.process_time() - started
        slowest = max(slowest, took)
        done += 1
        outcomes[outcome] += 1
        if outcome in ("crash", "memory", State.INTACT.value) or took > MOST_SECONDS:
            wrong.append([seed, outcome, round(took, 2)])
    # not ru_maxrss, which an exec inherits from the test process that started this one
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    return {"done": done, "outcomes": outcomes, "slowest": slowest, "peak": peak, "wrong": wrong[:20]}


def _outcome(reader, fingerprinter, data, known, pixels) -> str:
    try:
        reading = reader.read(data)
        same = fingerprinter.pixels(data) in pixels
        fingerprinter.manifest_store(data, active=True)
    except InputError as error:
        return "memory" if "memory" in error.diagnosis else "refused"
    except MemoryError:
        return "memory"
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return "crash"
    identical = hashlib.sha256(data).hexdigest() in known
    return judge(reading, None, issued=True, identical=identical, same_pixels=same).state.value


if __name__ == "__main__":
    told = main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(told))
