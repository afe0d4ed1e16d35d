"""Cycles materials: skin, eyes, hair, cloth, shoes, backdrop. Used by render.py."""

from blender_kit import Shader

SKIN = {
    "light": dict(
        map="skin-light.png", palm=(0.60, 0.36, 0.27), saturation=1.10, value=0.74,
        scatter=0.0040, specular=0.40, pores=0.30,
    ),
    "dark": dict(
        map="skin-dark.png", palm=(0.36, 0.205, 0.135), saturation=1.02, value=0.38,
        scatter=0.0020, specular=0.33, pores=0.34,
    ),
}  # fmt: skip

# Rings of the eye from the pupil outwards: (radius, colour)
EYES = {
    "hazel": [
        (0, (0.002, 0.002, 0.002)), (0.155, (0.002, 0.002, 0.002)), (0.185, (0.055, 0.026, 0.009)),
        (0.30, (0.155, 0.083, 0.030)), (0.41, (0.085, 0.045, 0.018)), (0.472, (0.02, 0.012, 0.008)),
        (0.508, (0.11, 0.09, 0.08)), (0.55, (0.63, 0.55, 0.52)), (1, (0.62, 0.50, 0.46)),
    ],
    "brown": [
        (0, (0.001, 0.001, 0.001)), (0.16, (0.001, 0.001, 0.001)), (0.19, (0.022, 0.009, 0.004)),
        (0.32, (0.058, 0.024, 0.010)), (0.43, (0.03, 0.012, 0.005)), (0.475, (0.008, 0.004, 0.003)),
        (0.51, (0.10, 0.07, 0.06)), (0.55, (0.54, 0.44, 0.39)), (1, (0.50, 0.38, 0.33)),
    ],
}  # fmt: skip
IRIS_RADIUS = 0.49

HAIR = {
    "straight": dict(melanin=0.83, redness=0.32, roughness=0.30, variety=0.22),
    "coily": dict(melanin=1.0, redness=0.10, roughness=0.36, variety=0.05),
    "afro": dict(melanin=0.97, redness=0.15, roughness=0.34, variety=0.08),
    "auburn": dict(melanin=0.62, redness=0.62, roughness=0.32, variety=0.25),
    "brow-straight": dict(melanin=0.88, redness=0.35, roughness=0.40, variety=0.15),
    "brow-coily": dict(melanin=0.97, redness=0.20, roughness=0.40, variety=0.05),
    "lash": dict(melanin=1.0, redness=0.10, roughness=0.40, variety=0.0),
    "down": dict(melanin=0.10, redness=0.30, roughness=0.40, variety=0.1),
}


def skin(kind, work):
    look = SKIN[kind]
    shader = Shader("skin")
    palms = shader.mix(shader.attribute("palm"), shader.image(work / look["map"]), look["palm"])
    tone = shader.node("HueSaturation")
    shader.set(tone, Color=palms, Saturation=look["saturation"], Value=look["value"])
    mottled = shader.scaled_sum((shader.noise(95, 3, 0.6), 0.20), (shader.noise(480, 2), 0.12))
    colour = shader.mix(1.0, tone.outputs[0], shader.add(mottled, 0.84), "MULTIPLY")

    # Unevenness on four scales; each alone reads as plastic.
    pores = shader.remap(shader.voronoi(880), 0.0, 0.42, 0.0, 1.0, smooth=True)
    creases = shader.voronoi(430, feature="DISTANCE_TO_EDGE")
    creases = shader.remap(creases, 0.0, 0.22, 0.0, 1.0)
    height = shader.scaled_sum(
        (pores, 0.75),
        (creases, 0.40),
        (shader.noise(400, 4, 0.6), 0.9),
        (shader.noise(110, 3), 1.1),
    )
    normal = shader.bump(height, 0.0005, look["pores"])
    gloss = shader.image(work / "roughness.png", data=True)
    breakup = shader.scaled_sum((shader.noise(130, 5, 0.65), 0.18), (pores, -0.05))
    shader.principled(
        Base_Color=colour,
        Roughness=shader.add(gloss, shader.add(breakup, -0.05)),
        Specular_IOR_Level=look["specular"],
        Subsurface_Weight=1.0,
        Subsurface_Radius=(1.0, 0.36, 0.20),
        Subsurface_Scale=look["scatter"],
        Coat_Weight=0.025,
        Coat_Roughness=0.32,
        Normal=normal,
    )
    shader.surface.subsurface_method = "RANDOM_WALK_SKIN"
    return shader.material


def eye(kind):
    """On a unit sphere that looks along its own +Z."""
    shader = Shader("eye")
    x, y, _ = shader.separate(shader.coordinates())
    flat = shader.stretch((1, 1, 0))
    length = shader.node("VectorMath", operation="LENGTH")
    shader.feed(length.inputs[0], flat)
    radius = length.outputs["Value"]
    rings = shader.ramp(radius, _ends_first(EYES[kind]))
    angle = shader.multiply(shader.math("ARCTAN2", x, y), 9.0)
    fibres = shader.noise(2.2, 6, 0.5, shader.combine(angle, radius, 0.0))
    streaks = shader.remap(fibres, 0.0, 1.0, 0.35, 1.7)
    in_iris = shader.math("LESS_THAN", radius, IRIS_RADIUS)
    iris = shader.mix(in_iris, rings, streaks, "MULTIPLY")
    # A few veins towards the corners keep the white from looking like china.
    veins = shader.voronoi(3.2, feature="DISTANCE_TO_EDGE", vector=shader.coordinates())
    veins = shader.remap(veins, 0.0, 0.030, 0.55, 0.0)
    outside = shader.remap(radius, 0.62, 0.95)
    veined = shader.mix(shader.multiply(veins, outside), iris, (0.45, 0.17, 0.13))
    # The white is wet; the iris lies behind the cornea, which does the shining.
    wet = shader.remap(radius, IRIS_RADIUS - 0.03, IRIS_RADIUS + 0.08)
    shader.principled(
        Base_Color=veined,
        Roughness=0.35,
        Specular_IOR_Level=shader.multiply(wet, 0.3),
        Subsurface_Weight=0.25,
        Subsurface_Scale=0.002,
        Subsurface_Radius=(1.0, 0.5, 0.35),
        Coat_Weight=shader.multiply(wet, 0.5),
        Coat_Roughness=0.06,
    )
    return shader.material


def _ends_first(stops):
    """The ramp node starts with its two end stops; the rest are added."""
    return [stops[0], stops[-1], *stops[1:-1]]


def cornea():
    shader = Shader("cornea")
    gloss = shader.node("BsdfGlossy")
    gloss.inputs["Roughness"].default_value = 0.015
    clear = shader.node("BsdfTransparent")
    fresnel = shader.node("Fresnel")
    fresnel.inputs[0].default_value = 1.42
    mixed = shader.node("MixShader")
    for socket, value in zip(mixed.inputs, (fresnel, clear, gloss), strict=False):
        shader.feed(socket, value.outputs[0])
    return shader.output(mixed.outputs[0])


def hair(kind):
    look = HAIR[kind]
    shader = Shader(kind)
    strand = shader.node("BsdfHairPrincipled", model="CHIANG", parametrization="MELANIN")
    shader.set(
        strand,
        Melanin=look["melanin"],
        Melanin_Redness=look["redness"],
        Roughness=look["roughness"],
        Radial_Roughness=0.45,
        Random_Color=look["variety"],
        Random_Roughness=0.2,
    )
    return shader.output(strand.outputs[0])


def _line(shader, distance, at, half_width):
    """1 on a line at a given distance from an edge, 0 elsewhere."""
    off = shader.math("ABSOLUTE", shader.add(distance, -at))
    return shader.remap(off, half_width * 0.4, half_width * 1.6, 1.0, 0.0, smooth=True)


def _stripes(shader, colour, stripes, in_collar):
    """Woven stripes: level on the trunk, around the sleeve beyond the armhole; the collar is plain."""
    on_sleeve = shader.math("GREATER_THAN", shader.attribute("mark_sleeve"), 0.0)
    across = shader.mix(on_sleeve, shader.attribute("mark_rise"), shader.attribute("mark_cuff"))
    phase = shader.math("FRACT", shader.math("DIVIDE", across, stripes["period"]))
    from_middle = shader.math("ABSOLUTE", shader.add(phase, -0.5))
    half, edge = stripes["share"] / 2, 0.0006 / stripes["period"]
    inside = shader.remap(from_middle, half - edge, half + edge, 1.0, 0.0)
    plain = shader.add(1.0, shader.multiply(in_collar, -1.0))
    return shader.mix(shader.multiply(inside, plain), colour, stripes["colour"])


def jersey(colour, neck_centre, stripes=None):
    """Tee: heathered knit, ribbed collar, double-stitched hems, puckered seams.

    ``stripes``: colour, period in metres and the share of it that is striped.
    """
    shader = Shader("jersey")
    neck, hem, seam = (shader.attribute(f"mark_{mark}") for mark in ("neck", "hem", "seam"))
    x, y, _ = shader.separate(shader.coordinates())
    angle = shader.math("ARCTAN2", shader.add(x, -neck_centre[0]), shader.add(y, -neck_centre[1]))
    ribs = shader.math("SINE", shader.multiply(angle, 170.0))
    in_collar = shader.remap(neck, 0.0185, 0.0200, 1.0, 0.0)
    knit = shader.noise(900, 3, 0.6, shader.stretch((1, 1, 0.45)))
    slub = shader.noise(260, 4, 0.6, shader.stretch((0.5, 0.5, 2.4)))
    stitches = shader.add(_line(shader, hem, 0.0195, 0.0007), _line(shader, hem, 0.0240, 0.0007))
    stitches = shader.add(stitches, _line(shader, neck, 0.0255, 0.0006))
    folded = shader.remap(hem, 0.0245, 0.0265, 1.0, 0.0, smooth=True)
    groove = shader.add(_line(shader, seam, 0.0, 0.0012), _line(shader, neck, 0.0200, 0.0010))
    near_seam = shader.remap(shader.math("ABSOLUTE", seam), 0.0, 0.014, 1.0, 0.0)
    pucker = shader.multiply(shader.noise(85, 2), near_seam)
    hem_pucker = shader.multiply(shader.noise(70, 2), folded)
    height = shader.scaled_sum(
        (knit, 0.22), (slub, 0.20), (shader.multiply(ribs, in_collar), 0.22), (in_collar, 0.9),
        (folded, 0.5), (stitches, -0.55), (groove, -1.0), (pucker, 0.8), (hem_pucker, 0.6),
    )  # fmt: skip
    heather = shader.scaled_sum((shader.noise(55, 6, 0.6), 0.16), (knit, 0.16), (slub, 0.14))
    heather = shader.add(heather, 0.77)
    dark = shader.scaled_sum((groove, -0.28), (stitches, -0.12))
    tone = shader.add(heather, dark)
    dye = _stripes(shader, colour, stripes, in_collar) if stripes else colour
    shader.principled(
        Base_Color=shader.mix(1.0, dye, tone, "MULTIPLY"),
        Roughness=0.88,
        Specular_IOR_Level=0.18,
        Sheen_Weight=0.22,
        Sheen_Roughness=0.5,
        Normal=shader.bump(height, 0.0011, 0.75),
    )
    return shader.material


def chiffon(colour, cover):
    """Sheer cloth: threads cover the share ``cover`` of it seen straight on, more at a slant.

    What shows between the threads is left to the film, so that alpha tells the truth.
    """
    shader = Shader("chiffon")
    facing = shader.node("LayerWeight")
    facing.inputs["Blend"].default_value = 0.5
    cosine = shader.math("MAXIMUM", shader.math("SUBTRACT", 1.0, facing.outputs["Facing"]), 0.12)
    gaps = shader.math("POWER", 1.0 - cover, shader.math("DIVIDE", 1.0, cosine))
    lit, lit_through = shader.node("BsdfDiffuse"), shader.node("BsdfTranslucent")
    for side in (lit, lit_through):
        shader.set(side, Color=colour)
    threads, cloth = shader.node("MixShader"), shader.node("MixShader")
    parts = ((threads, 0.42, lit, lit_through), (cloth, gaps, threads, shader.node("BsdfTransparent")))
    for mixed, share, first, second in parts:
        shader.feed(mixed.inputs[0], share)
        shader.feed(mixed.inputs[1], first.outputs[0])
        shader.feed(mixed.inputs[2], second.outputs[0])
    return shader.output(cloth.outputs[0])


def shining(colour):
    """The same colour in any light: for passes that ask what covers a pixel."""
    shader = Shader("shining")
    emission = shader.set(shader.node("Emission"), Color=colour, Strength=1.0)
    return shader.output(emission.outputs[0])


def twill(colour):
    """Trousers: cotton twill with side seams and a stitched hem."""
    shader = Shader("twill")
    hem, seam = shader.attribute("mark_hem"), shader.attribute("mark_seam")
    x, _, z = shader.separate(shader.coordinates())
    diagonal = shader.math("SINE", shader.multiply(shader.add(x, z), 2600.0))
    weave = shader.noise(700, 3)
    stitches = shader.add(_line(shader, hem, 0.028, 0.0009), _line(shader, seam, 0.0050, 0.0008))
    groove = _line(shader, seam, 0.0, 0.0014)
    folded = shader.remap(hem, 0.028, 0.031, 1.0, 0.0, smooth=True)
    pucker = shader.multiply(shader.noise(75, 2), shader.remap(shader.math("ABSOLUTE", seam), 0.0, 0.013, 1.0, 0.0))
    height = shader.scaled_sum(
        (diagonal, 0.06),
        (weave, 0.25),
        (stitches, -0.5),
        (groove, -0.9),
        (folded, 0.6),
        (pucker, 0.9),
    )
    worn = shader.scaled_sum((shader.noise(24, 6, 0.6), 0.24), (weave, 0.22), (diagonal, 0.03))
    tone = shader.add(shader.add(worn, 0.77), shader.scaled_sum((groove, -0.3), (stitches, 0.10)))
    shader.principled(
        Base_Color=shader.mix(1.0, colour, tone, "MULTIPLY"),
        Roughness=0.85,
        Specular_IOR_Level=0.2,
        Sheen_Weight=0.12,
        Normal=shader.bump(height, 0.0012, 0.7),
    )
    return shader.material


def shoe(colour, sole_top):
    """Leather above, off-white rubber below ``sole_top``."""
    shader = Shader("shoe")
    _, _, height = shader.separate(shader.coordinates())
    is_sole = shader.remap(height, sole_top - 0.0004, sole_top + 0.0004, 1.0, 0.0)
    rubber = (0.60, 0.585, 0.55)
    grain = shader.voronoi(520)
    scuffs = shader.add(shader.multiply(shader.noise(45, 5), 0.22), 0.88)
    leather = shader.mix(1.0, colour, scuffs, "MULTIPLY")
    welt = _line(shader, height, sole_top, 0.0016)
    both = shader.mix(is_sole, leather, rubber)
    shader.principled(
        Base_Color=shader.mix(shader.multiply(welt, 0.6), both, (0.12, 0.11, 0.10)),
        Roughness=shader.remap(is_sole, 0, 1, 0.42, 0.62),
        Normal=shader.bump(grain, 0.0004, 0.35),
    )
    return shader.material


def plain(name, colour, roughness=0.8, specular=0.2):
    shader = Shader(name)
    shader.principled(Base_Color=colour, Roughness=roughness, Specular_IOR_Level=specular)
    return shader.material
