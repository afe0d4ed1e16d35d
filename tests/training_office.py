"""An office with weights on its shelf and a twin that may be trained on, for stories and attacks alike."""

import json
from dataclasses import dataclass

from twinbook import testing
from twinbook.domain.consent import USUAL_EDITS, Edit, Part
from twinbook.domain.generation import Generation
from twinbook.domain.weights import Family
from twinbook.ports import TrainingPlan
from twinbook.services import enroll, sign, train, weights

PLAN = TrainingPlan(steps=6, rank=4, save_every=2, validate_every=3, resolution=64)
PARTS = (Part.CAPTURE, Part.TEMPLATE, Part.TRAIN, Part.GENERATE)
ANY_EDIT = tuple(USUAL_EDITS | {Edit.POSE})


def some_weights(folder, data=b"1234"):
    (folder / "unet").mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    (folder / "unet" / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    return folder


def generated(name="shot-1", weights="base", prompt="she walks along a beach", **changes):
    asked = Generation(prompt, weights)
    return testing.a_shot(name, recolor=None, generate=asked, **changes)


@dataclass
class Programme:
    """``base`` may be sold with, ``study`` may not."""

    office: object
    people: testing.People
    planned: object
    consent: str
    folder: object

    def train(self, weights="base", plan=PLAN, **how):
        return train.train(self.office, "mira", self.consent, weights, plan, **how)

    def entries(self, act):
        with self.office.unit() as unit:
            bodies = [json.loads(body) for body in unit.log.bodies()]
        return [body for body in bodies if body["act"] == act]


def open_programme(office, people, photos, tmp_path, **changes):
    """Everybody has signed, she is enrolled, and two kinds of weights are on the shelf."""
    changes = {"parts": PARTS, "edits": ANY_EDIT, "shots": [generated()], **changes}
    planned = testing.campaign(photos, changes.pop("shots"), **changes)
    people.sign_all(office, planned)
    consent = sign.draw_papers(office, planned)["mira"][0].digest
    enroll.enroll(office, "mira", consent, enroll.photographs(photos))
    for name, licence, data in (("base", "Apache-2.0", b"1234"), ("study", "CC-BY-NC-4.0", b"5678")):
        weights.add(office, some_weights(tmp_path / "models" / name, data), name, Family.SDXL, licence)
    return Programme(office, people, planned, consent, tmp_path)
