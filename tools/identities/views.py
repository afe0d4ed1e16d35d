"""Which pictures are made of whom. Nothing to run here; numpy only."""

import numpy as np


def view(yaw=0.0, pitch=0.0, light="studio", turn=0.0, focal=85, tall=0.43, face="vertices", hair="own", over=None):
    return dict(yaw=yaw, pitch=pitch, light=light, turn=turn, focal=focal, tall=tall, face=face, hair=hair, over=over)


def views_of(person):
    """name -> view, in the order of need. Small angles differ from person to person."""
    random = np.random.default_rng(person["seed"] + 31)
    jitter = lambda degrees: float(np.round(random.uniform(-degrees, degrees), 1))  # noqa: E731
    side = 1 if person["seed"] % 2 else -1
    if person["kind"] == "impostor":
        light = str(random.choice(["studio", "window", "ring", "lamp"]))
        return {"front": view(jitter(6), jitter(5), light, focal=int(random.choice([60, 85, 120])), tall=0.40)}
    if person["kind"] == "look-alike":
        return {
            "front": view(jitter(3), jitter(2)),
            "turned": view(side * 18 + jitter(4), jitter(3), "window", focal=70),
        }
    if person["kind"] == "genuine":
        return {
            "front": view(1, 0, "ring", focal=110),
            "window": view(-4, 2, "window", focal=70),
            "left": view(24, 0, "window", turn=20),
            "right": view(-22, 2, "lamp"),
            "smile": view(5, 0, "studio", face="smile"),
            "above": view(-6, 13, "ring"),
            "below": view(4, -11, "lamp", focal=70),
            "hair": view(-9, 1, "studio", hair="other", focal=60),
        }
    views = {
        "front": view(jitter(2), jitter(1.5)),
        "window": view(jitter(5), jitter(3), "window", turn=jitter(25), focal=65),
        "left": view(25 + jitter(5), jitter(3), "ring", focal=100),
        "right": view(-25 + jitter(5), jitter(3), "window", turn=-30),
        "smile": view(jitter(8), jitter(3), "lamp", face="smile"),
        "pitch": view(jitter(6), side * (12 + jitter(2)), "studio", focal=75),
        "hair": view(jitter(10), jitter(4), "lamp", turn=40, hair="other", focal=110),
    }
    if person["hair"]["other"] in ("straight", "bob"):
        del views["hair"]  # long hair takes longest to grow
    if person.get("hard"):
        views["profile"] = view(side * 80, 0, "studio", turn=side * 40)
        which = (person["seed"] // 3) % 3
        views["hidden"] = [
            view(jitter(5), 0, "studio", over="sunglasses"),
            view(jitter(5), 0, "ring", over="scarf"),
            view(jitter(5), 0, "window", tall=2.9),
        ][which]
    return views
