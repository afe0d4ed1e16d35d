"""Make the label's typeface again: python tools/label_font.py

Takes letters of two typefaces out of Debian's packages and draws them into one small TrueType font: the Latin, Greek and
Cyrillic of Inter, and the Chinese and Korean of Noto Sans CJK that law packs ask for. Needs fontTools (4.60 or later) and
Debian's apt-get and dpkg; installs nothing. The same packages give the same file.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

SOURCE = Path(__file__).resolve().parent.parent / "src" / "twinbook"
TARGET = SOURCE / "seal" / "label.ttf"
LICENSE = SOURCE / "seal" / "label-OFL.txt"
# "Inter" is a trademark and "Source" and "Noto" are others' names: what is made of them goes by its own.
FAMILY = "Twinbook Label"
UNITS = 1000

# Whole alphabets, so that a pack in another European language needs no new typeface.
EUROPEAN = [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x218, 0x21C), 0x1E9E]
EUROPEAN += [*range(0x386, 0x3CF), *range(0x400, 0x460), 0x490, 0x491, 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D]
# What China's measures let a label say besides what its pack does.
CHINESE = "人工智能生成合成"
# Noto's letters are drawn larger and a little lower, so that the lowest of them is as high as a capital and the foot of a
# "g" together, which is what the label's size counts, and so that they stand midway along the capitals beside them.
EAST_ASIAN_SCALE, EAST_ASIAN_SHIFT = 1.065, -33


@dataclass(frozen=True)
class Origin:
    """Where letters come from: a package, its font file, and the collection's member of this name."""

    package: str
    file: str
    name: str
    scale: float = 1.0
    shift: int = 0


INTER = Origin("fonts-inter", "opentype/inter/Inter-Medium.otf", "Inter Medium")
NOTO_SC, NOTO_KR = (
    Origin(
        "fonts-noto-cjk",
        "opentype/noto/NotoSansCJK-Regular.ttc",
        f"Noto Sans CJK {place}",
        EAST_ASIAN_SCALE,
        EAST_ASIAN_SHIFT,
    )
    for place in ("SC", "KR")
)


def letters() -> dict[int, Origin]:
    """Every letter that the typeface has, and whose it is."""
    asked = {ord(letter) for text in pack_texts() for letter in text}
    found = {code: INTER for code in EUROPEAN}
    found |= {code: NOTO_KR if is_hangul(code) else NOTO_SC for code in asked - found.keys()}
    return found | {ord(letter): NOTO_SC for letter in CHINESE}


def is_hangul(code: int) -> bool:
    return 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF or 0x3130 <= code <= 0x318F


def pack_texts() -> Iterator[str]:
    for file in sorted((SOURCE / "law").glob("*.toml")):
        for label in tomllib.loads(file.read_text(encoding="utf-8")).get("label", []):
            yield from label["text"].values()


def unpacked(package: str, folder: Path) -> tuple[Path, str]:
    """A package's files, and its version."""
    subprocess.run(["apt-get", "download", "-qq", package], cwd=folder, check=True)
    archive = next(folder.glob(f"{package}_*.deb"))
    subprocess.run(["dpkg", "-x", archive, folder / package], check=True)
    version = subprocess.run(["dpkg-deb", "-f", archive, "Version"], check=True, capture_output=True, text=True)
    return folder / package, version.stdout.strip()


def opened(origin: Origin, root: Path) -> TTFont:
    file = root / "usr/share/fonts" / origin.file
    members = TTCollection(file).fonts if file.suffix == ".ttc" else [TTFont(file)]
    return next(font for font in members if font["name"].getDebugName(4) == origin.name)


def build(fonts: dict[Origin, TTFont], versions: dict[str, str]) -> None:
    glyphs, widths, names = {".notdef": TTGlyphPen(None).glyph()}, {".notdef": 500}, {}
    wanted = letters()
    for code in sorted(wanted):
        font, origin = fonts[wanted[code]], wanted[code]
        own = font.getBestCmap().get(code)
        if own is None:
            if origin is INTER:  # an alphabet's code without a letter
                continue
            raise SystemExit(f"{origin.name} has no {chr(code)}")
        name, pen = f"u{code:04X}", TTGlyphPen(None)
        scale = UNITS / font["head"].unitsPerEm * origin.scale
        drawn = font.getGlyphSet()[own]
        # OpenType's outlines are cubic and turn the other way round than TrueType's.
        drawn.draw(TransformPen(Cu2QuPen(pen, 0.6, reverse_direction=True), (scale, 0, 0, scale, 0, origin.shift)))
        glyphs[name] = pen.glyph()
        widths[name] = round(drawn.width * scale)
        names[code] = name
    builder = FontBuilder(UNITS, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    table = builder.font["glyf"]
    builder.setupHorizontalMetrics({name: (wide, getattr(table[name], "xMin", 0)) for name, wide in widths.items()})
    builder.setupHorizontalHeader(ascent=969, descent=-242)
    said = " and ".join(f"{package} {version}" for package, version in versions.items())
    builder.setupNameTable(
        {
            "copyright": "Copyright 2020 The Inter Project Authors; © 2014-2021 Adobe (http://www.adobe.com/).",
            "familyName": FAMILY,
            "styleName": "Regular",
            "uniqueFontIdentifier": FAMILY,
            "fullName": FAMILY,
            "psName": FAMILY.replace(" ", ""),
            "version": "Version 1.000",
            "description": f"Letters of Inter and Noto Sans CJK, from Debian's {said}.",
            "licenseDescription": "This Font Software is licensed under the SIL Open Font License, Version 1.1.",
            "licenseInfoURL": "https://openfontlicense.org",
        },
        mac=False,
    )
    builder.setupOS2(sTypoAscender=969, sTypoDescender=-242, usWinAscent=1100, usWinDescent=300, sCapHeight=727)
    builder.setupPost(keepGlyphNames=False)
    builder.addOpenTypeFeatures(kerning(fonts[INTER], names))
    builder.font["head"].created = builder.font["head"].modified = 3_800_000_000  # a fixed day, for the same bytes
    builder.font.recalcTimestamp = False
    builder.save(TARGET)


def kerning(font: TTFont, names: dict[int, str]) -> str:
    """Inter's own pairs of capitals, as a feature file: labels are set in them. Only those that bring letters closer:
    the others tear words like VYTVOŘENO apart."""
    capitals = {own: names[code] for code, own in font.getBestCmap().items() if code in names and chr(code).isupper()}
    pairs: dict[tuple[str, str], int] = {}
    gpos = font["GPOS"].table
    wanted = {i for f in gpos.FeatureList.FeatureRecord if f.FeatureTag == "kern" for i in f.Feature.LookupListIndex}
    for index in sorted(wanted):
        for table in gpos.LookupList.Lookup[index].SubTable:
            table = getattr(table, "ExtSubTable", table)
            if table.LookupType != 2:
                continue
            for pair, value in _pairs(table, capitals):
                pairs.setdefault(pair, value)
    scale = UNITS / font["head"].unitsPerEm
    rules = [
        f"pos {capitals[left]} {capitals[right]} {round(value * scale)};"
        for (left, right), value in sorted(pairs.items())
        if value * scale <= -5
    ]
    return "feature kern {\n" + "\n".join(rules) + "\n} kern;"


def _pairs(table, capitals: dict[str, str]) -> Iterator[tuple[tuple[str, str], int]]:
    for place, left in enumerate(table.Coverage.glyphs):
        if left not in capitals:
            continue
        if table.Format == 1:
            for record in table.PairSet[place].PairValueRecord:
                if record.SecondGlyph in capitals:
                    yield (left, record.SecondGlyph), getattr(record.Value1, "XAdvance", 0) or 0
        else:
            row = table.Class1Record[table.ClassDef1.classDefs.get(left, 0)].Class2Record
            for right in capitals:
                value = row[table.ClassDef2.classDefs.get(right, 0)].Value1
                yield (left, right), getattr(value, "XAdvance", 0) or 0


def license_text(root: Path) -> str:
    """The licence's own words out of a Debian copyright file, which indents them and marks empty lines with a dot."""
    stated = (root / "usr/share/doc/fonts-inter/copyright").read_text(encoding="utf-8")
    block = re.search(r"^License: OFL-1\.1\n((?: .*\n)+)", stated, re.MULTILINE)[1]
    words = "\n".join("" if line == " ." else line[1:] for line in block.splitlines())
    return (
        f'{TARGET.name}, "{FAMILY}", is made of letters of two typefaces by {Path(__file__).name}:\n\n'
        "  Inter, Copyright 2020 The Inter Project Authors (https://github.com/rsms/inter)\n"
        "  Noto Sans CJK, © 2014-2021 Adobe (http://www.adobe.com/)\n\n"
        "This Font Software is licensed under the SIL Open Font License, Version 1.1.\n\n"
        "-----------------------------------------------------------\n"
        "SIL OPEN FONT LICENSE Version 1.1 - 26 February 2007\n"
        "-----------------------------------------------------------\n\n"
        f"{words}\n"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        origins = (INTER, NOTO_SC, NOTO_KR)
        roots = {package: unpacked(package, Path(folder)) for package in dict.fromkeys(o.package for o in origins)}
        build({o: opened(o, roots[o.package][0]) for o in origins}, {name: made[1] for name, made in roots.items()})
        LICENSE.write_text(license_text(roots[INTER.package][0]), encoding="utf-8")
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
