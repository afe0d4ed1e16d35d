"""The people of identities.toml as plain dictionaries. Nothing to run here; standard library and numpy only.

``population()`` lists everybody: benchmark people, look-alikes of the demo's talents, the talents themselves and the
impostors. All are adults. Every draw comes from the seed of the file and the identity's own number, so that adding
people doesn't change those who are there.
"""

import json
import tomllib
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TALENTS = HERE.parent / "talent" / "talents.json"
# The body model's age runs 2/3 at 25 years to 1 at 90; nobody is made younger than its 'young' pole.
YOUNG_POLE, YOUNG_YEARS, OLD_YEARS = 0.667, 25, 90
WOMEN_STYLES = ("straight", "straight", "tied", "tied", "bob", "crop")
MEN_STYLES = ("crop", "crop", "crop", "shaved", "swept", "bald")
COILY_STYLES = {
    "woman": ("coily", "coily", "afro", "tied", "shaved"),
    "man": ("coily", "coily", "shaved", "bald", "afro"),
}
KINDS = {"person": 1, "look-alike": 2, "impostor": 3}


def description():
    return tomllib.loads((HERE / "identities.toml").read_text(encoding="utf-8"))


def talents():
    return json.loads(TALENTS.read_text(encoding="utf-8"))


def age_phenotype(years):
    return YOUNG_POLE + max(years - YOUNG_YEARS, 0) / (OLD_YEARS - YOUNG_YEARS) * (1 - YOUNG_POLE)


def draw(text, kind, number, group, sex, first_seed):
    """One person nobody is."""
    seed = first_seed + 100_000 * KINDS[kind] + number
    random = np.random.default_rng(seed)
    rules = text["groups"][group]
    years = int(random.integers(text["ages"]["youngest"], text["ages"]["oldest"] + 1))
    poles = list(rules["mix"])
    mix = random.dirichlet([rules["mix"][pole] for pole in poles])
    woman = sex == "woman"
    phenotype = {
        "gender": float(np.clip((1.0 if woman else 0.0) + random.normal(0, 0.13) * (-1 if woman else 1), 0, 1)),
        "age": age_phenotype(years),
        "muscle": float(random.uniform(0.30, 0.75)),
        "weight": float(np.clip(random.normal(0.52, 0.16), 0.2, 0.92)),
        "height": float(random.uniform(0.45, 0.7)),
        "proportions": float(random.uniform(0.4, 0.9)),
        "cupsize": 0.4, "firmness": 0.6,
        **{pole: float(share) for pole, share in zip(poles, mix, strict=True)},
    }  # fmt: skip
    coily = random.random() < 1.5 * phenotype["african"] - 0.25
    styles = COILY_STYLES[sex] if coily else (WOMEN_STYLES if woman else MEN_STYLES)
    style = str(random.choice(styles))
    others = [other for other in dict.fromkeys(styles) if other != style]
    colour = str(random.choice(rules["hair"]))
    greying = float(np.clip((years - 38) / 30, 0, 1) * random.uniform(0, 1.2)) if random.random() < 0.7 else 0.0
    return {
        "id": None,
        "kind": kind,
        "seed": seed,
        "group": group,
        "sex": sex,
        "age": years,
        "phenotype": phenotype,
        "face": {
            "seed": seed,
            "variation": float(random.uniform(0.30, 0.52)),
            "asymmetry": 0.07,
            "changes": {},
            "expression": {},
        },
        "skin": {
            "tone": float(random.uniform(*rules["tone"])),
            "freckles": float(max(0, random.normal(0.15, 0.5)) * (1.6 if group == "light" else 0.6)),
            "moles": int(random.integers(0, 14)),
            "blush": float(random.normal(0, 0.08)),
            "yellow": float(random.normal(0, 0.07)),
            "lips": float(random.normal(0.05 if woman else -0.05, 0.10)),
            "sockets": float(abs(random.normal(0, 0.10)) + 0.10 * np.clip((years - 30) / 30, 0, 1)),
            "stubble": 0.0 if woman else float(random.uniform(0, 0.45)),
        },
        "eyes": str(random.choice(rules["eyes"])),
        "hair": {
            "style": style,
            "other": str(random.choice(others)),
            "colour": colour,
            "grey": min(greying, 1.0),
            "length": float(random.uniform(0, 1)),
            "hairline": float(random.normal(0, 0.03)) + (0.0 if woman else float(np.clip((years - 28) / 32, 0, 1)) * 0.10),
        },
        "brows": {
            "asset": str(random.choice(["eyebrow001", "eyebrow008"])),
            "density": float(random.uniform(0.45, 1.0) if woman else random.uniform(0.7, 1.5)),
            "rise": float(random.normal(0, 0.0016)),
            "tall": float(random.uniform(0.6, 1.0) if woman else random.uniform(0.8, 1.5)),
        },
        "beard": 0.0 if woman or random.random() < 0.6 else float(random.uniform(0.35, 1.0)),
        "top": [float(v) for v in random.uniform(0.03, 0.5) * random.uniform(0.35, 1.0, 3)],
        "blend": None,
    }  # fmt: skip


def as_person(name, talent):
    """A demo talent in the terms of this folder."""
    light = talent["skin"] == "light"
    return {
        "id": name, "kind": "genuine", "seed": talent["face"]["seed"],
        "group": "light" if light else "dark", "sex": "woman" if light else "man", "age": 27,
        "phenotype": dict(talent["phenotype"]), "measurements": dict(talent["measurements"]),
        "face": dict(talent["face"]),
        "skin": {"tone": 0.0 if light else 1.0, "freckles": 0.0, "moles": 0, "blush": 0.0, "yellow": 0.0, "lips": 0.0,
                 "sockets": 0.0, "stubble": 0.0},
        "eyes": talent["eyes"],
        "hair": {"style": talent["hair"], "other": "tied" if light else "shaved",
                 "colour": "brown" if light else "black", "grey": 0.0, "length": 0.4, "hairline": 0.0},
        "brows": {"asset": talent["brows"], "density": 1.0, "rise": 0.0, "tall": 1.0},
        "beard": 0.0, "top": [0.17, 0.27, 0.17] if light else [0.07, 0.135, 0.205],
        "blend": None,
    }  # fmt: skip


def population():
    """Everybody, in the order in which they are worth rendering."""
    text = description()
    counts, first = text["counts"], text["seed"]
    people = []
    number = 0
    for place in range(counts["people_per_group"]):
        for group in text["groups"]:
            sex = "woman" if place % 2 == 0 else "man"
            person = draw(text, "person", number, group, sex, first)
            person["id"] = f"p{number:03d}"
            person["hard"] = place < counts["hard_per_group"]
            people.append(person)
            number += 1
    own = {name: as_person(name, spec) for name, spec in talents().items() if name in text["look_alikes"]["talents"]}
    people += own.values()
    number = 0
    for name, target in own.items():
        for percent in text["look_alikes"]["percent"]:
            for place in range(counts["look_alikes_per_step"]):
                person = draw(text, "look-alike", number, target["group"], target["sex"], first)
                person["id"] = f"{name}-{percent}-{'abcdefgh'[place]}"
                person["blend"] = {"of": name, "percent": percent}
                people.append(person)
                number += 1
    number = 0
    for place in range(counts["impostors_per_group"]):
        for group in text["groups"]:
            person = draw(text, "impostor", number, group, "woman" if place % 2 == 0 else "man", first)
            person["id"] = f"x{number:03d}"
            people.append(person)
            number += 1
    return people
