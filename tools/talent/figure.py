"""Puts one talent into the Blender scene: body, eyes, clothes, shoes, hair.

Used by render.py; nothing to run here.
"""

import math

import materials
import numpy as np
from assets import EYE_VERTEX_RANGES, stage_path
from blender_kit import add_mesh, add_strands, add_vertex_value, surface_tree
from garments import BodyShape
from mathutils import Vector
from sheer import bell_sleeve
from strands import Head, sphere_fit, unit

HIDDEN_DEPTH = 0.09  # skin with cloth this near outside it is covered
SOLE_HEIGHT = 0.024
LACE_BARS = 5
GARMENT_THICKNESS = {"tee": 0.0022, "trousers": 0.0028}


def _load(path):
    """All arrays at once: the archive itself reads a file on every access."""
    with np.load(path, allow_pickle=True) as archive:
        return {name: archive[name] for name in archive.files}


def load_cloth(work, name, spec):
    """A cast may wear one garment of another: ``takes`` names whose."""
    cloth = _load(stage_path(work, name, spec, "cloth"))
    for kind in GARMENT_THICKNESS:
        if kind in spec.get("takes", {}):
            other = _load(work / f"{spec['takes'][kind]}-cloth.npz")
            cloth |= {key: values for key, values in other.items() if key.startswith(kind)}
    return cloth


def add_garment(kind, cloth, material):
    garment = add_mesh(kind, cloth[f"{kind}_vertices"], cloth[f"{kind}_faces"], material=material)
    prefix = f"{kind}_mark_"
    for name in cloth:
        if name.startswith(prefix):
            add_vertex_value(garment, "mark_" + name[len(prefix) :], cloth[name])
    smooth = garment.modifiers.new("smooth", "SMOOTH")
    smooth.factor, smooth.iterations = 0.5, 7
    solid = garment.modifiers.new("thickness", "SOLIDIFY")
    solid.thickness, solid.offset = GARMENT_THICKNESS[kind], 0
    fine = garment.modifiers.new("subdivide", "SUBSURF")
    fine.levels = fine.render_levels = 1
    return garment


class Figure:
    def __init__(self, name, spec, work):
        self.spec, self.work = spec, work
        self.stored = _load(stage_path(work, name, spec, "body"))
        self.cloth = load_cloth(work, name, spec)
        self.strands = _load(stage_path(work, name, spec, "hair"))
        self.shape = BodyShape(self.stored)
        self.head = Head(self.stored)
        shoes = self.stored["fitted"].item()["shoes"]
        self.shoes = shoes
        self.floor = float(shoes["vertices"][:, 2].min())
        self.top = float(self.shape.vertices[:, 2].max())
        hair_top = float(np.quantile(self.strands["hair_points"][..., 2], 0.9995))
        self.top += max(0.0, hair_top - self.top - 0.035)  # room for hair that stands up
        self.eyes = [sphere_fit(self.stored["vertices"][a:b]) for a, b in EYE_VERTEX_RANGES]
        self.eye_objects = []

    @property
    def eye_middle(self):
        return np.mean([centre for centre, _ in self.eyes], axis=0)

    def build(self):
        self._body()
        self._eyes()
        self._clothes()
        self._shoes()
        self._hair()
        if self.spec["pose"].get("stance") == "sit":
            self._stool()

    # --- body -----------------------------------------------------------

    def _covered(self):
        """Skin under cloth: taken away, so that it can't poke through."""
        vertices, normals = self.shape.vertices, self.head.normals[: len(self.shape.vertices)]
        bare = self.shape.share("head", "neck03", "wrist", "finger", "metacarpal") > 0.5
        covered = np.zeros(len(vertices), bool)
        surfaces = [(self.cloth[f"{kind}_vertices"], self.cloth[f"{kind}_faces"]) for kind in GARMENT_THICKNESS]
        surfaces.append((self.shoes["vertices"], self.shoes["faces"]))
        for surface in surfaces:
            tree = surface_tree(*surface)
            for index in np.where(~covered & ~bare)[0]:
                direction = Vector(normals[index])
                start = Vector(vertices[index]) - direction * 0.012
                hit, hit_normal, _, _ = tree.ray_cast(start, direction, HIDDEN_DEPTH)
                # Only cloth seen from its inside covers; a sleeve next to the
                # trunk or a thigh next to the palm does not.
                if hit is not None and hit_normal.dot(direction) > 0:
                    covered[index] = True
        in_shoe = vertices[:, 2] < self.floor + 0.10
        covered |= (self.shape.share("toe", "foot") > 0.3) & in_shoe
        return covered

    def _body(self):
        stored = self.stored
        hidden = self._covered()
        for _ in range(2):  # keep two rings of skin under every edge
            inner = hidden.copy()
            for face in self.shape.faces:
                if not hidden[face].all():
                    inner[face] = False
            hidden = inner
        faces, uvs = [], []
        for face, uv_face in zip(stored["faces"].tolist(), stored["uv_faces"].tolist(), strict=False):
            if max(face) < len(hidden) and not hidden[face].any():
                faces.append(face)
                uvs += [stored["uvs"][i] for i in uv_face]
        body = add_mesh("body", self.shape.vertices, faces, uvs, materials.skin(self.spec["skin"], self.work))
        add_vertex_value(body, "palm", self._palms())
        subdivision = body.modifiers.new("subdivide", "SUBSURF")
        subdivision.levels, subdivision.render_levels = 1, 2

    def _palms(self):
        """Palms and the insides of the fingers are lighter."""
        shape, result = self.shape, np.zeros(len(self.shape.vertices))
        normals = self.head.normals[: len(result)]
        for side, sign in (("L", 1), ("R", -1)):
            wrist = shape.bone(f"wrist.{side}")
            along = shape.bone(f"finger3-1.{side}") - wrist
            across = shape.bone(f"finger2-1.{side}") - shape.bone(f"finger5-1.{side}")
            palm = unit(np.cross(along, across)) * sign
            facing = np.clip((normals @ palm - 0.10) / 0.5, 0, 1)
            hand = shape.share("finger", "metacarpal", "wrist", side=side)
            result = np.maximum(result, facing * np.clip(hand * 1.5 - 0.3, 0, 1))
        return result

    # --- eyes -----------------------------------------------------------

    def _eyes(self):
        white, clear = materials.eye(self.spec["eyes"]), materials.cornea()
        for centre, radius in self.eyes:
            for name, profile, material in (
                ("eye", _eyeball_profile, white),
                ("cornea", _cornea_profile, clear),
            ):
                vertices, faces = _revolve(profile)
                ball = add_mesh(name, vertices, faces, material=material)
                ball.location = centre
                ball.scale = (radius * 0.985,) * 3
                ball.rotation_mode = "QUATERNION"
                self.eye_objects.append(ball)

    def look_at(self, target, limit_degrees=15.0):
        """Turn the eyes, but no further than is comfortable."""
        ahead = self.head.rotation @ np.array([0, -1.0, 0])
        wanted = unit(np.asarray(target, float) - self.eye_middle)
        angle = math.degrees(math.acos(np.clip(ahead @ wanted, -1, 1)))
        if angle > limit_degrees:
            share = limit_degrees / angle
            wanted = unit(ahead * (1 - share) + wanted * share)
        focus = Vector(self.eye_middle + wanted * 2.5)
        for ball in self.eye_objects:
            ball.rotation_quaternion = (focus - ball.location).to_track_quat("Z", "Y")

    # --- clothes --------------------------------------------------------

    def _clothes(self):
        wardrobe = self.spec["wardrobe"]
        neck = self.shape.bone("neck01")
        add_garment("tee", self.cloth, materials.jersey(wardrobe["tee_colour"], neck, wardrobe.get("stripes")))
        add_garment("trousers", self.cloth, materials.twill(wardrobe["trouser_colour"]))
        if "sheer_sleeves" in wardrobe:
            sheer = materials.chiffon(wardrobe["tee_colour"], wardrobe["sheer_sleeves"]["cover"])
            for side in "LR":
                vertices, faces = bell_sleeve(self.shape, side, wardrobe)
                sleeve = add_mesh(f"bell sleeve {side}", vertices, faces, material=sheer)
                fine = sleeve.modifiers.new("subdivide", "SUBSURF")
                fine.levels = fine.render_levels = 1

    def _shoes(self):
        colour = self.spec["wardrobe"]["shoe_colour"]
        shoes = add_mesh(
            "shoes", self.shoes["vertices"], self.shoes["faces"],
            material=materials.shoe(colour, self.floor + SOLE_HEIGHT),
        )  # fmt: skip
        fine = shoes.modifiers.new("subdivide", "SUBSURF")
        fine.levels = fine.render_levels = 2
        bars = [bar for side in "LR" for bar in self._laces(side)]
        if bars:
            add_strands(
                "laces",
                np.array(bars),
                0.0021,
                materials.plain("lace", (0.55, 0.54, 0.51)),
                tip=1.0,
            )

    def _stool(self):
        """A painted cube under the seat."""
        trousers = self.cloth["trousers_vertices"]
        behind = trousers[trousers[:, 1] > self.shape.bone("upperleg01.L")[1] - 0.05]
        seat, half = float(np.quantile(behind[:, 2], 0.02)), 0.20
        middle = (0.0, float(np.median(behind[:, 1])) - 0.03)
        corners = [
            (middle[0] + x, middle[1] + y, z) for z in (self.floor, seat) for y in (-half, half) for x in (-half, half)
        ]
        sides = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6)]
        stool = add_mesh("stool", corners, sides, material=materials.plain("paint", (0.62, 0.60, 0.56)), smooth=False)
        edge = stool.modifiers.new("edge", "BEVEL")
        edge.width, edge.segments = 0.006, 3

    def _laces(self, side):
        """Bars across the instep, laid on the shoe from above."""
        tree = surface_tree(self.shoes["vertices"], self.shoes["faces"])
        ankle, toes = self.shape.bone(f"foot.{side}"), self.shape.bone(f"toe3-1.{side}")
        along = (toes - ankle) * (1, 1, 0)
        across = unit(np.cross(along, [0, 0, 1.0]))
        bars = []
        for number in range(LACE_BARS):
            centre = ankle + along * (0.46 + 0.40 * number / (LACE_BARS - 1))
            bar = []
            for offset in np.linspace(-0.017, 0.017, 9):
                start = Vector(centre + across * offset) + Vector((0, 0, 0.12))
                hit, normal, _, _ = tree.ray_cast(start, Vector((0, 0, -1)))
                if hit is None:
                    break
                bar.append(np.array(hit + normal * 0.0012))
            if len(bar) == 9 and np.ptp(np.array(bar)[:, 2]) < 0.03:
                bars.append(bar)
        return bars

    # --- hair -----------------------------------------------------------

    def _hair(self):
        style = self.spec["hair"]
        look = self.spec.get("hair_look", style)
        looks = {
            "hair": (look, 0.45 if style == "straight" else 0.6),
            "baby": (look, 0.25),
            "flyaways": (look, 0.45),
            "brows": ("brow-straight" if style == "straight" else "brow-coily", 0.3),
            "lashes": ("lash", 0.2),
            "down": ("down", 0.3),
        }
        for group, (look, tip) in looks.items():
            if f"{group}_points" not in self.strands:
                continue
            add_strands(
                group,
                self.strands[f"{group}_points"],
                self.strands[f"{group}_radii"],
                materials.hair(look),
                tip,
            )


def _eyeball_profile(theta, phi):
    """A sphere with a shallow concave iris, so that the iris catches light."""
    sine, cosine = math.sin(theta), math.cos(theta)
    edge = math.asin(materials.IRIS_RADIUS)
    if theta < edge:
        cosine = math.cos(edge) - 0.03 * (1 - (sine / materials.IRIS_RADIUS) ** 2)
    return sine * math.cos(phi), sine * math.sin(phi), cosine


def _cornea_profile(theta, phi):
    radius, angle = 0.64, theta * 0.29
    return (
        radius * math.sin(angle) * math.cos(phi),
        radius * math.sin(angle) * math.sin(phi),
        0.455 + radius * math.cos(angle),
    )


def _revolve(profile, around=64, along=48):
    vertices = [profile(math.pi * i / along, 2 * math.pi * j / around) for i in range(along + 1) for j in range(around)]
    faces = []
    for i in range(along):
        for j in range(around):
            following = (j + 1) % around
            faces.append((i * around + j, (i + 1) * around + j,
                          (i + 1) * around + following, i * around + following))  # fmt: skip
    return vertices, faces
