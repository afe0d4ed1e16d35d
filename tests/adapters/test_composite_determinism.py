"""The composite engine says that the same job gives the same bytes: on one thread and two, from the photograph on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import one_of_each
import pytest


def made_on(threads):
    pools = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    command = [sys.executable, str(Path(one_of_each.__file__)), str(threads)]
    done = subprocess.run(command, env=os.environ | pools, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["threads"] == [threads, threads]
    return said["digests"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_plates_and_every_kind_of_picture_are_the_same_on_one_thread_and_on_two():
    one, two = made_on(1), made_on(2)
    assert len(one) == 3 + len(one_of_each.SHOTS)
    assert len(set(one.values())) == len(one)
    assert one == two
