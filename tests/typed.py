"""The command line in this process, as somebody types it: what `astronaut.twinbook` does, without starting a program."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from unittest import mock

from twinbook.cli import main


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def twinbook(folder, *arguments):
    """Whatever isn't an error of our own comes through."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TWINBOOK")}
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        mock.patch.object(sys, "argv", ["twinbook", *map(str, arguments)]),
        mock.patch.dict(os.environ, clean, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            status = 0
        except SystemExit as done:
            status = done.code or 0
    return Done(status, out.getvalue(), err.getvalue())
