"""Plates of somebody painted, to train on and to keep parts of; what else these tests share is `bench/tiny_training.py`."""

from dataclasses import replace

from painted_figure import paint, plate_of

from twinbook.vision.regions import label_map


def a_plate(photo="painted", high=240, **changes):
    figure = paint(high=high, **changes)
    plate = plate_of(figure, photo=photo)
    labels = label_map(plate.rgb_srgb, plate.alpha, plate.facts.face, plate.landmarks, plate.skin_lab)
    return replace(plate, regions=labels)


def plates():
    found = [a_plate(), a_plate("blue", tee=(40, 60, 140)), a_plate("half", full=False)]
    return {plate.facts.id: plate for plate in found}
