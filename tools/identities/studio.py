"""Light, camera and shading: one picture of a ``Bust``. Nothing to run here.

A depth-buffer renderer instead of a path tracer, because five hundred portraits have to be made on a small machine.
Area lights are sets of points with a shadow map each; ambient light is weighed by occlusion from all round; skin
scatters by blurring the light that falls on it, red the farthest. Larger than the picture, then scaled down.
"""

import sys

import numpy as np
import population
from raster import buffers
from scipy.ndimage import gaussian_filter, map_coordinates

sys.path.insert(0, str(population.HERE.parent / "talent"))
from bust import globe
from strands import smoothstep, unit

OVERSAMPLING = 1.3
SHADOW_SIDE, SHADOW_REACH = 340, 0.36
LIGHTS = {
    # place, size across and up (metres), power, colour; the eyes are the origin
    "studio": [
        ((-1.3, -1.7, 0.75), (1.0, 1.3), 62, (1, 0.97, 0.93)),
        ((1.8, -1.6, -0.1), (1.6, 2.0), 26, (0.95, 0.97, 1)),
        ((1.1, 0.9, 0.7), (0.5, 1.2), 16, (1, 1, 1)),
    ],
    "window": [
        ((1.8, -1.25, 0.35), (1.5, 1.9), 92, (0.90, 0.95, 1)),
        ((-1.7, -1.2, -0.2), (1.5, 1.5), 22, (1, 0.95, 0.9)),
    ],
    "ring": [((0.0, -1.9, 0.35), (1.2, 1.2), 62, (1, 1, 1)), ((0, -1.2, -0.9), (1.2, 0.6), 7, (1, 1, 1))],
    "lamp": [
        ((-0.8, -1.2, 1.1), (0.6, 0.6), 50, (1, 0.86, 0.70)),
        ((1.5, -1.8, 0.2), (2.2, 2.2), 34, (1, 0.93, 0.85)),
    ],
}  # fmt: skip
AMBIENT = {"studio": 0.20, "window": 0.16, "ring": 0.26, "lamp": 0.22}
# Rings of the eye from the pupil outwards: radius on a unit sphere, then colours per kind
IRIS_RADIUS = 0.47
IRISES = {
    "hazel": ((0.155, 0.083, 0.030), (0.085, 0.045, 0.018)), "brown": ((0.075, 0.032, 0.013), (0.036, 0.015, 0.007)),
    "deep": ((0.030, 0.013, 0.007), (0.016, 0.007, 0.004)), "blue": ((0.16, 0.20, 0.24), (0.07, 0.12, 0.20)),
    "grey": ((0.17, 0.18, 0.18), (0.10, 0.12, 0.13)), "green": ((0.15, 0.13, 0.05), (0.07, 0.10, 0.05)),
}  # fmt: skip


class Camera:
    def __init__(self, yaw, pitch, tall, focal, size):
        self.wide, self.high = (2 * round(side * OVERSAMPLING / 2) for side in size)
        across, up = np.radians(yaw), np.radians(pitch)
        ahead = np.array([np.sin(across) * np.cos(up), -np.cos(across) * np.cos(up), np.sin(up)])
        middle = np.array([0, 0.02, -0.055])
        self.place = middle + ahead * (focal / 36.0 * tall)
        self.axes = frame_of(-ahead)
        self.scale = focal / 36.0 * self.high
        self.metres = tall / self.high  # one pixel at the head

    def project(self, points):
        local = (np.asarray(points, np.float32) - self.place.astype(np.float32)) @ self.axes.T.astype(np.float32)
        depth = local[..., 2:]
        flat = local[..., :2] / depth * self.scale * np.float32([1, -1]) + np.float32([self.wide / 2, self.high / 2])
        return np.concatenate([flat, depth], -1).astype(np.float32)


def frame_of(direction):
    """Rows: right, up, ahead."""
    ahead = unit(np.asarray(direction, float))
    right = unit(np.cross(ahead, [0, 0, 1.0]))
    return np.stack([right, np.cross(right, ahead), ahead])


class Shadow:
    """What a far point sees: depth from it, on a grid about the head."""

    centre = np.float32([0, 0.02, -0.08])

    def __init__(self, raster, direction, surfaces, strands, side=SHADOW_SIDE):
        self.raster, self.side, self.scale = raster, side, side / (2 * SHADOW_REACH)
        self.axes = np.ascontiguousarray(frame_of(-np.asarray(direction)), np.float32)
        drawn = buffers(side, side, depth_only=True)
        for points, corners in surfaces:
            raster.triangles(self._map(points), corners, drawn)
        if strands is not None:
            raster.lines(self._map(strands), drawn)
        self.depth = drawn[0]

    def _map(self, points):
        return self.raster.to_map(points, self.axes, self.centre, self.scale, self.side)

    def behind(self, points, jitter=0.0, seed=1):
        """Metres of depth between the first thing hit and each point; 0 where it is lit."""
        return self.raster.behind(points, self.axes, self.centre, self.scale, self.side, self.depth, jitter, seed)


def sphere_directions(count):
    k = np.arange(count) + 0.5
    z = 1 - 2 * k / count
    angle = np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], 1)


def lamp_points(name, turn, random, quick):
    """(places, colours with power) of the light's sample points."""
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    places, powers = [], []
    for place, size, energy, colour in LIGHTS[name]:
        place = rotation @ place
        right, up, _ = frame_of(-place)
        count = 3 if quick or energy < 40 else 6
        energy = energy * random.uniform(0.85, 1.15)
        for k in range(count):
            a, b = ((k % 3) + 0.5) / 3 - 0.5, (0.5 + k // 3) / (count / 3) - 0.5
            places.append(place + right * a * size[0] + up * b * size[1])
            powers.append(np.array(colour) * energy / count)
    return np.array(places), np.array(powers)


class Studio:
    def __init__(self, raster, palette, size, quick=False):
        self.raster, self.palette, self.size, self.quick = raster, palette, size, quick
        self.globe = globe()
        self.occlusion = {}

    # --- what stands in the picture ---------------------------------------

    def ambient_share(self, bust, style, over, points, normals, surfaces, strands):
        """Share of the surrounding light that reaches each fine skin vertex."""
        key = (bust.person["id"], style, over)
        if key not in self.occlusion:
            self.occlusion.clear()
            total, weight = np.zeros(len(points), np.float32), np.zeros(len(points), np.float32)
            lifted = points + normals * 0.003
            for direction in sphere_directions(10 if self.quick else 16):
                facing = np.clip(normals @ direction, 0, None).astype(np.float32) * (0.6 + 0.4 * direction[2])
                shadow = Shadow(self.raster, direction, surfaces, strands, 200)
                total += facing * (shadow.behind(lifted) < 0.004)
                weight += facing
            self.occlusion[key] = total / np.maximum(weight, 1e-6)
        return self.occlusion[key]

    def take(self, bust, view, random):
        """Display-linear picture float32 (h, w, 3) of a view, OVERSAMPLING times the size."""
        camera = Camera(view["yaw"], view["pitch"], view["tall"], view["focal"], self.size)
        style = bust.person["hair"]["style" if view["hair"] == "own" else "other"]
        points, normals = bust.surface_of(view["face"])
        scarf = None
        if view["over"] == "scarf":
            points, scarf = bust.scarf(points, normals)
            points, normals = points.astype(np.float32), bust.skin.normals(points.astype(np.float32))
        ball, ball_corners = self.globe
        balls = np.concatenate([centre + ball * radius * 0.985 for centre, radius in bust.eyes]).astype(np.float32)
        ball_corners = np.concatenate([ball_corners, ball_corners + len(ball)]).astype(np.int32)
        grown = bust.hair(style)
        strands = None if grown is None else grown[0]
        lenses = bust.sunglasses() if view["over"] == "sunglasses" else None
        surfaces = [(points, bust.skin.coarse), (balls, ball_corners)]
        ambient = self.ambient_share(bust, style, view["over"], points, normals, surfaces, strands)
        if lenses is not None:
            surfaces.append(lenses)
        places, powers = lamp_points(view["light"], view["turn"], random, self.quick)
        shadows = [Shadow(self.raster, place, surfaces, strands) for place in places]

        drawn = buffers(camera.high, camera.wide)
        self.raster.triangles(camera.project(points), bust.skin.triangles, drawn, 0)
        eye_first = len(bust.skin.triangles)
        self.raster.triangles(camera.project(balls), ball_corners, drawn, eye_first)
        lens_first = eye_first + len(ball_corners)
        if lenses is not None:
            self.raster.triangles(camera.project(lenses[0]), lenses[1], drawn, lens_first)
        hair_first = lens_first + (0 if lenses is None else len(lenses[1]))
        if strands is not None:
            self.raster.lines(camera.project(strands), drawn, hair_first)
        depth, ids, u, v = drawn

        lamps = (places, powers, shadows, AMBIENT[view["light"]] * random.uniform(0.8, 1.25))
        picture = self._backdrop(camera, random)
        on_skin = (ids >= 0) & (ids < eye_first)
        level = self._skin(picture, on_skin, drawn, bust, points, normals, ambient, scarf, style, camera, lamps, random)
        on_eye = (ids >= eye_first) & (ids < lens_first)
        self._eyes(
            picture,
            on_eye,
            ids[on_eye] - eye_first,
            u[on_eye],
            v[on_eye],
            balls,
            ball_corners,
            bust,
            camera,
            lamps,
            random,
        )
        picture[(ids >= lens_first) & (ids < hair_first)] = np.array([0.012, 0.012, 0.014]) * level
        if strands is not None:
            on_hair = ids >= hair_first
            self._hair(picture, on_hair, ids[on_hair] - hair_first, u[on_hair], grown, camera, lamps)
        for fine, alpha, colours in bust.fine:
            if scarf is not None or (lenses is not None):
                continue
            share = np.clip(alpha * 0.00046 / camera.metres, 0, 1)
            shade = np.broadcast_to((colours * level * 0.75)[:, None], fine.shape)
            self.raster.blend(camera.project(fine), shade, share, depth, picture, 0.0012)
        exposure = (1 + 0.20 * bust.person["skin"]["tone"]) * random.uniform(1.0, 1.35) / level.mean()
        return tone(picture * exposure)

    @staticmethod
    def _backdrop(camera, random):
        y, x = np.mgrid[0 : camera.high, 0 : camera.wide].astype(np.float32)
        x, y = x / camera.wide - random.uniform(0.2, 0.8), y / camera.high - random.uniform(0.2, 0.7)
        fall = 1 - random.uniform(0.1, 0.5) * (x * x + y * y)
        colour = random.uniform(0.2, 1.0) + random.uniform(-0.04, 0.04, 3)
        return (fall[..., None] * colour * 0.35).astype(np.float32)

    # --- shading ----------------------------------------------------------

    @staticmethod
    def _falling(place_of_lamp, power, places):
        """(unit direction, light per square metre before the cosine) at each place."""
        way = place_of_lamp.astype(np.float32) - places
        square = (way * way).sum(-1, keepdims=True)
        return way / np.sqrt(square), power.astype(np.float32) / (np.pi * square)

    def _skin(self, picture, mask, drawn, bust, points, normals, ambient, scarf, style, camera, lamps, random):
        _, ids, u, v = drawn
        corners = bust.skin.triangles[ids[mask]]
        weights = np.stack([1 - u[mask] - v[mask], u[mask], v[mask]], 1).astype(np.float32)

        def at(values):
            return np.einsum("nk,nk...->n...", weights, values[corners])

        places, facing = at(points), unit(at(normals))
        uv = np.einsum("nk,nkc->nc", weights, bust.skin.uvs[ids[mask]])
        size = bust.texture.shape[0]
        spot = np.stack([(1 - uv[:, 1]) * size - 0.5, uv[:, 0] * size - 0.5])
        albedo = np.stack([map_coordinates(bust.texture[..., c], spot, order=1, mode="nearest") for c in range(3)], 1)
        rough = map_coordinates(self.palette.roughness, spot, order=1, mode="nearest")
        facing = self._bump(facing, mask, map_coordinates(self.palette.relief, spot, order=1, mode="nearest"), camera)
        scalp = np.clip(at(bust.scalp.astype(np.float32)) * bust.cover(style), 0, 1)[:, None]
        hair = bust.colour("hair", 1)[0] if bust.person["hair"]["grey"] < 0.4 else np.array([0.18, 0.175, 0.17])
        albedo = albedo * (1 - scalp) + np.clip(hair * 0.9, 0, 0.25) * scalp
        cloth = smoothstep(at(bust.cloth), 0.0, 0.0006)[:, None]
        collar = 1 - 0.25 * np.exp(-(((at(bust.cloth) - 0.019) / 0.0010) ** 2))[:, None]
        albedo = albedo * (1 - cloth) + np.array(bust.person["top"]) * collar * cloth
        if scarf is not None:
            under = (at(scarf.astype(np.float32)) > 0.4)[:, None]
            albedo = np.where(under, np.array([0.10, 0.13, 0.20]), albedo)
            cloth = np.maximum(cloth, under)
        bare = 1 - cloth

        toward = unit(camera.place.astype(np.float32) - places)
        share = at(ambient)[:, None]
        spots, powers, shadows, around = lamps
        light = around * np.pi * share * np.array([0.95, 0.98, 1.0])
        # Light that came off cheeks and clothes has their colour.
        light = light + around * 1.2 * (1 - share) * share * np.array([1.0, 0.55, 0.40])
        shine = np.zeros(len(places), np.float32)
        light = np.ascontiguousarray(light, np.float32)
        roughness = np.ascontiguousarray(np.clip(rough + 0.03, 0.2, 1) ** 4, np.float32)
        ground = [np.ascontiguousarray(array, np.float32) for array in (places, facing, toward)] + [roughness]
        for spot_, power, shadow in zip(spots, powers, shadows, strict=True):
            self.raster.skin_lamp(ground, spot_, power, shadow, int(random.integers(1, 2**31)), light, shine)
        grazing = 0.028 + 0.45 * (1 - np.clip((facing * toward).sum(1), 0, 1)) ** 5
        shine += around * share[:, 0] * grazing
        light = self._scattered(light.astype(np.float32), mask, bare[:, 0], camera, bust.person["skin"]["tone"])
        shine = shine * bare[:, 0] * (1 - 0.85 * scalp[:, 0]) * (0.8 - 0.1 * bust.person["skin"]["tone"])
        picture[mask] = albedo * light / np.pi + shine[:, None]
        near = (np.abs(places[:, 0]) < 0.06) & (places[:, 2] > -0.10) & (places[:, 2] < 0.05) & (places[:, 1] < 0.05)
        seen = light[near & (facing[:, 1] < -0.3)] if near.any() else light
        return np.maximum(np.median(seen, axis=0) if len(seen) else light.mean(0), 1e-3) / np.pi

    @staticmethod
    def _bump(facing, mask, height, camera):
        relief = np.zeros(mask.shape, np.float32)
        relief[mask] = height
        down, right = np.gradient(relief)
        slope = np.clip(np.stack([right[mask], -down[mask]], 1) * 0.00005 / camera.metres, -0.18, 0.18)
        return unit(facing - slope[:, :1] * camera.axes[0] - slope[:, 1:] * camera.axes[1]).astype(np.float32)

    @staticmethod
    def _scattered(light, mask, bare, camera, tone_):
        """Blur what falls on bare skin, each colour by its own reach."""
        high, wide = mask.shape
        full = np.zeros((high, wide, 4), np.float32)
        full[mask, :3], full[mask, 3] = light * bare[:, None], bare
        small = full.reshape(high // 2, 2, wide // 2, 2, 4).mean((1, 3))
        reach = (1.0 - 0.4 * np.clip(tone_, 0, 1)) / (2 * camera.metres)
        result = light.copy()
        for channel, (sigma, portion) in enumerate(((0.0032, 0.75), (0.0016, 0.65), (0.0010, 0.60))):
            blurred = gaussian_filter(small[..., channel], sigma * reach, truncate=2.5)
            weight = gaussian_filter(small[..., 3], sigma * reach, truncate=2.5)
            soft = np.repeat(np.repeat(blurred / np.maximum(weight, 1e-4), 2, 0), 2, 1)[mask]
            part = portion * bare
            result[:, channel] = light[:, channel] * (1 - part) + soft * part
        return result

    def _eyes(self, picture, mask, ids, u, v, balls, corners, bust, camera, lamps, random):
        if not mask.any():
            return
        chosen = corners[ids]
        weights = np.stack([1 - u - v, u, v], 1)
        places = np.einsum("nk,nkc->nc", weights, balls[chosen]).astype(np.float32)
        which = (chosen[:, 0] >= len(self.globe[0])).astype(int)
        centres = np.array([centre for centre, _ in bust.eyes], np.float32)[which]
        normal = unit(places - centres)
        gaze = bust.gaze(camera.place)
        right, up, ahead = frame_of(gaze)
        radius = np.sqrt(np.clip(1 - np.clip(normal @ ahead, -1, 1) ** 2, 0, 1))
        radius = np.where(normal @ ahead > 0, radius, 1.0)
        angle = np.arctan2(normal @ up, normal @ right)
        inner, outer = IRISES[bust.person["eyes"]]
        white = np.array([0.50, 0.43, 0.41]) * (1 - 0.12 * bust.person["skin"]["tone"])
        stops = [0, 0.145, 0.175, 0.30, 0.41, 0.455, 0.49, 0.53, 1.0]
        colours = np.array([(0.002,) * 3, (0.002,) * 3, np.multiply(inner, 0.6), inner, outer, np.multiply(outer, 0.3),
                            (0.12, 0.10, 0.09), white, white * (0.95, 0.85, 0.82)])  # fmt: skip
        albedo = np.stack([np.interp(radius, stops, colours[:, c]) for c in range(3)], 1)
        in_iris = radius < IRIS_RADIUS
        wave = np.random.default_rng(bust.person["seed"] + 3).normal(size=(5, 2))
        streak = sum(np.sin(angle * (7 + 9 * k) + 6 * w[0] + w[1] * radius * 8) for k, w in enumerate(wave)) / 5
        albedo = albedo * np.where(in_iris, 1 + 0.45 * streak, 1)[:, None]
        toward = unit(camera.place.astype(np.float32) - places)
        spots, powers, shadows, around = lamps
        lids = self._lid_shade(mask)[mask][:, None]
        light = around * np.pi * 0.55 * lids * np.ones(3)
        shine = np.zeros((len(places), 1))
        for spot, power, shadow in zip(spots, powers, shadows, strict=True):
            direction, falling = self._falling(spot, power, places)
            lit = np.clip(1 - (shadow.behind(places + normal * 0.004, 0.9, 7) - 0.003) / 0.003, 0, 1)[:, None]
            light = light + falling * np.clip((normal * direction).sum(1) * 0.8 + 0.2, 0, None)[:, None] * lit
            half = unit(direction + toward)
            near = np.clip((normal * half).sum(1), 0, 1)[:, None]
            shine = shine + falling[:, 1:2] * np.exp(-(1 - near) / 0.0016) * 1.3 * lit
        picture[mask] = albedo * light * lids / np.pi + shine * 0.35

    @staticmethod
    def _lid_shade(mask):
        """Darker towards the lids."""
        return smoothstep(gaussian_filter(mask.astype(np.float32), 3.0), 0.25, 0.95) * 0.65 + 0.35

    def _hair(self, picture, mask, ids, u, grown, camera, lamps):
        strands, colours = grown
        count = strands.shape[1]
        flat = strands.reshape(-1, 3)
        following = np.minimum(ids + 1, len(flat) - 1)
        places = flat[ids] + (flat[following] - flat[ids]) * u[:, None]
        along = unit(flat[following] - flat[ids])
        share = (ids % count + u) / count
        albedo = colours[ids // count] * (0.45 + 0.75 * share)[:, None]
        outward = unit(places - np.float32([0, 0.07, -0.01]))
        toward = unit(camera.place.astype(np.float32) - places)
        spots, powers, shadows, around = lamps
        total = albedo * around * (0.35 + 0.65 * share)[:, None] * (0.7 + 0.3 * outward[:, 2:])
        for spot, power, shadow in zip(spots, powers, shadows, strict=True):
            direction, falling = self._falling(spot, power, places)
            through = np.exp(-np.maximum(shadow.behind(places) - 0.003, 0) / 0.006)[:, None]
            sine = np.sqrt(np.clip(1 - (along * direction).sum(1) ** 2, 0, 1))
            wrap = np.clip(0.35 + 0.65 * (outward * direction).sum(1), 0, None)
            half = unit(direction + toward)
            gleam = np.sqrt(np.clip(1 - (along * half).sum(1) ** 2, 0, 1))
            white = 0.022 * gleam**70 * wrap
            tinted = 0.5 * gleam**18 * wrap
            total = total + falling * through * (
                (albedo * (0.9 * sine * wrap + tinted)[:, None]) / np.pi + white[:, None]
            )
        picture[mask] = total


def tone(linear):
    """A soft film curve, scene-linear to display-linear 0..1: white diffuse in full light comes to about 0.85."""
    x = np.clip(linear, 0, None) * 0.80
    return np.clip(x * (2.2 * x + 0.10) / (x * (2.0 * x + 0.95) + 0.12), 0, 1)
