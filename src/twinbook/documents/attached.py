"""The terms that lie in a paper's PDF, taken out again."""

from __future__ import annotations

import io
import json
import zlib

from pyhanko.pdf_utils.reader import PdfFileReader

from ..domain.errors import InputError
from ..domain.paper import Paper
from .pades import LARGEST
from .signed_paper import TERMS_FILE

# Many times the longest license; what is packed smaller than it is must not fill the memory.
_LARGEST_TERMS = 1 << 20


def terms(pdf: bytes) -> Paper:
    """The paper whose exact bytes are attached as ``terms.json``. Whether the PDF is as it was sealed `pades.check` says.

    Raises InputError ``paper.unreadable``, and nothing else, whatever the file.
    """
    if len(pdf) > LARGEST:
        raise InputError("paper.unreadable", "the file is larger than any paper")
    try:
        data = _attached(pdf)
        paper = Paper(json.loads(data))
        same = paper.message == data and paper.kind is not None
    # A parser of hostile files raises nearly anything.
    except Exception as error:
        raise InputError("paper.unreadable", f"no terms can be read in it ({type(error).__name__})") from error
    if not same:
        raise InputError("paper.unreadable", "the terms in it are not written as they are signed")
    return paper


def _attached(pdf: bytes) -> bytes:
    files = PdfFileReader(io.BytesIO(pdf)).root["/AF"]
    # Typst writes one file for each attachment; a paper has one.
    for index in range(min(len(files), 8)):
        if files[index]["/F"] == TERMS_FILE or files[index]["/UF"] == TERMS_FILE:
            stream = files[index]["/EF"]["/F"]
            if "/Filter" not in stream:
                return stream.encoded_data[:_LARGEST_TERMS]
            if stream["/Filter"] != "/FlateDecode":
                raise ValueError("packed in another way")
            return zlib.decompressobj().decompress(stream.encoded_data, _LARGEST_TERMS)
    raise ValueError("no terms")
