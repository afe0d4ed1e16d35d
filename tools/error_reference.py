"""Write docs/reference/errors.md from the catalogue of errors. Run it after adding a code."""

from pathlib import Path

from twinbook.domain.errors import CODES

HEAD = """# Errors

Every error has a code that never changes, a diagnosis for the case at hand and a remedy. The command line, the contact
sheet and `--json` show the same three. This page is written by `tools/error_reference.py` from the catalogue in
`src/twinbook/domain/errors.py` and `generation_codes.py` beside it, and the tests fail when the two differ.

| code | meaning | what usually cures it |
|---|---|---|
"""


def page() -> str:
    return HEAD + "".join(f"| `{code}` | {meaning} | {remedy} |\n" for code, (meaning, remedy) in sorted(CODES.items()))


if __name__ == "__main__":
    Path("docs/reference/errors.md").write_text(page(), encoding="utf-8")
