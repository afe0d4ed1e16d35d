"""Documentation that fails the build: a command, setting, error or port that isn't described, and a README that lies."""

import inspect
import re
import sys
import tomllib
from pathlib import Path

import click
import pytest

from twinbook import law, ports
from twinbook.cli import commands
from twinbook.domain.brief import FORMATS, STUDIO_SCENES
from twinbook.domain.errors import CODES
from twinbook.domain.policy import TOPICS
from twinbook.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[1]


def page(name):
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def verbs(group=commands, before=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, (*before, name))
        else:
            yield (" ".join((*before, name))), command


@pytest.mark.parametrize(("verb", "command"), list(verbs()), ids=[verb for verb, _ in verbs()])
def test_every_command_and_option_is_described(verb, command):
    text = page("cli.md")
    assert f"twinbook {verb}" in text
    for option in (o for p in command.params if isinstance(p, click.Option) for o in p.opts):
        assert option in text, f"{verb} {option}"
    assert command.help


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_described(name):
    assert f"`{name}`" in page("settings.md")


def test_no_setting_is_read_that_is_not_declared():
    read = set()
    for file in (ROOT / "src").rglob("*.py"):
        read |= set(re.findall(r"\"(TWINBOOK_[A-Z_]+)\"", file.read_text(encoding="utf-8")))
    assert read <= set(SETTINGS)


def test_the_page_of_errors_is_the_catalogue():
    sys.path.insert(0, str(ROOT / "tools"))
    from error_reference import page as written

    assert page("errors.md") == written(), "run tools/error_reference.py"


def test_the_page_of_law_is_the_packs():
    sys.path.insert(0, str(ROOT / "tools"))
    from law_reference import page as written

    assert page("law.md") == written(), "run tools/law_reference.py"


@pytest.mark.parametrize("pack", law.load().packs, ids=lambda pack: pack.id)
def test_every_law_pack_is_described(pack):
    text = page("law.md")
    assert f"## {pack.id}\n" in text
    for rule in pack.rules:
        assert f"`{rule.id}`" in text
    assert "not legal advice" in text.lower()


def test_every_error_code_is_raised_somewhere():
    sources = [f.read_text(encoding="utf-8") for f in (ROOT / "src").rglob("*.py") if f.name != "errors.py"]
    text = "\n".join(sources)
    built = {
        f"{kind}.{what}" for kind in ("consent", "license", "mandate", "access") for what in ("missing", "revoked")
    }
    built |= {f"law.{topic}" for topic in TOPICS}
    assert {code for code in CODES if f'"{code}"' not in text} <= built


def test_every_code_used_is_in_the_catalogue():
    for file in (ROOT / "src").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for code in re.findall(r"(?:Error|Refused|reason|Awaiting\w*|no)\(\s*\"([a-z]+\.[a-z_]+)\"", text):
            assert code in CODES, f"{file.name}: {code}"


@pytest.mark.parametrize(
    "name", [n for n, c in vars(ports).items() if inspect.isclass(c) and getattr(c, "_is_protocol", False)]
)
def test_every_port_is_described(name):
    if vars(ports)[name].__module__.startswith(ports.__name__):
        assert f"`{name}`" in page("ports.md")


def test_every_format_and_studio_scene_is_described():
    text = page("campaign-file.md")
    for name in (*FORMATS, *STUDIO_SCENES):
        assert f"`{name}`" in text


def test_links_between_pages_lead_somewhere():
    for file in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


def test_no_path_of_a_machine_is_named():
    suspicious = re.compile(r"/(?:root|home/\w+|Users/\w+)/")
    for file in ROOT.rglob("*"):
        inside = file.relative_to(ROOT).parts
        text_like = file.suffix in (".py", ".md", ".toml", ".txt", ".sh", ".html", ".css", ".typ")
        if text_like and not inside[0].startswith("."):
            assert not suspicious.search(file.read_text(encoding="utf-8", errors="replace")), file


def test_the_gallery_shows_every_shot_of_its_campaign_or_says_why_not():
    page = (ROOT / "docs" / "gallery.md").read_text()
    shots = tomllib.loads((ROOT / "tools" / "gallery" / "campaign.toml").read_text())["shot"]
    for name in (shot["name"] for shot in shots):
        words = name.replace("-", " ")
        words = words[0].upper() + words[1:]
        assert f"![{words}](pictures/gallery-{name}.jpg)" in page or f"| {words} |" in page, name
