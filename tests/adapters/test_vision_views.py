"""What a photograph shows: angles against heads whose angles are known, what covers a face, and the grid of a screen."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from painted_figure import paint
from PIL import Image
from skimage.data import astronaut

from twinbook.domain.capture import FRONT_YAW, MAX_SCREEN, view_of
from twinbook.domain.twin import Box, Framing, View
from twinbook.vision import skin, views
from twinbook.vision.captures import decode
from twinbook.vision.face_chip import covered_parts, face_shade
from twinbook.vision.faces import find_faces
from twinbook.vision.matte import outline
from twinbook.vision.screen import grid_strength

HEADS = Path(__file__).parents[1] / "heads"
DEMO = Path(__file__).parents[2] / "examples" / "demo" / "photos"


def head(who, yaw, pitch=0):
    return decode(HEADS / f"{who}{yaw:+04d}{pitch:+03d}.jpg").rgb_srgb


def only_face(rgb):
    (face,) = find_faces(rgb)
    return face


# --- heads of known angles --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["light", "dark"])
@pytest.mark.parametrize("yaw", [0, 15, 30, -30, 40])
def test_yaw_is_right_to_some_degrees(who, yaw):
    found, _, _ = views.head_angles(only_face(head(who, yaw)).landmarks)
    assert found == pytest.approx(yaw, abs=9 if yaw == 40 else 6)
    assert view_of(found) is (View.FRONT if abs(yaw) < FRONT_YAW else View.THREE_QUARTER)


@pytest.mark.parametrize("who", ["light", "dark"])
def test_up_is_told_from_down(who):
    """And no more than that: five points say little about a nod."""
    up, down = (views.head_angles(only_face(head(who, 0, pitch)).landmarks)[1] for pitch in (20, -20))
    assert up > down + 5


def test_roll_follows_the_camera():
    rgb = decode(DEMO / "mira/head-front.jpg").rgb_srgb
    turn = cv2.getRotationMatrix2D((450, 500), -15, 1)
    turned = cv2.warpAffine(rgb, turn, (900, 1200), borderMode=cv2.BORDER_REPLICATE)
    straight, tilted = (views.head_angles(only_face(picture).landmarks)[2] for picture in (rgb, turned))
    assert tilted - straight == pytest.approx(15, abs=4)


@pytest.mark.parametrize("who", ["light", "dark"])
@pytest.mark.parametrize("yaw", [90, -90])
def test_a_profile_and_where_it_looks(who, yaw):
    rgb = head(who, yaw)
    assert not find_faces(rgb)
    profile = views.find_profile(rgb)
    assert profile.left is (yaw < 0)
    middle = profile.box.left + profile.box.width / 2, profile.box.top + profile.box.height / 2
    assert 120 < middle[1] < 300
    assert abs(middle[0] - 280) < 120


def test_there_is_no_profile_where_nobody_is():
    assert views.find_profile(np.full((400, 400, 3), 200, np.uint8)) is None
    grey = cv2.cvtColor(cv2.cvtColor(head("light", 90), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert views.find_profile(grey) is None, "a shape of a head without any skin in it"


# --- the demo's photographs, taken at 0, 20 and 30 degrees of somebody who turns her head by 4 ------------------


@pytest.mark.parametrize(
    ("photo", "yaw", "framing", "hands"),
    [
        ("mira/full-front", 4, Framing.FULL, {2}),
        ("mira/full-threequarter", -26, Framing.FULL, {1, 2}),
        ("mira/head-threequarter", -16, Framing.HEAD, {0}),
        ("mira/waist-front", 4, Framing.HALF, {0}),
        ("sami/full-front", 3, Framing.FULL, {2}),
        ("sami/head-front", 3, Framing.HEAD, {0}),
        ("sami/waist-threequarter", -27, Framing.HALF, {0}),
    ],
)
def test_views_of_the_demo(photo, yaw, framing, hands):
    rgb = decode(DEMO / f"{photo}.jpg").rgb_srgb
    face = only_face(rgb)
    assert views.head_angles(face.landmarks)[0] == pytest.approx(yaw, abs=6)
    person = outline(rgb, face.box)
    assert views.framing(face.box, rgb.shape[1], rgb.shape[0], person) is framing
    colour = skin.lit_skin(rgb, face.landmarks)
    assert views.hands_seen(rgb, face.box, colour, person) in hands
    assert covered_parts(rgb, face.landmarks, yaw) == ()
    assert grid_strength(rgb, face.box) <= MAX_SCREEN / 2
    alpha = cv2.resize(person.astype(np.uint8) * 255, rgb.shape[1::-1])
    body = views.body_skin(rgb, face.box, colour, alpha)
    assert float(skin.delta_e2000(body, colour)) < 13


def test_hands_are_seen_where_they_are_painted():
    figure = paint()
    colour = np.median(skin.lab(figure.rgb_srgb[figure.skin]), axis=0)
    person = outline(figure.rgb_srgb, figure.face)
    assert views.hands_seen(figure.rgb_srgb, figure.face, colour, person) == 2
    cut = figure.rgb_srgb[: figure.rgb_srgb.shape[0] * 45 // 100]  # above the wrists
    assert views.hands_seen(cut, figure.face, colour, outline(cut, figure.face)) == 0
    assert views.hands_seen(figure.rgb_srgb, figure.face, colour, None) == 0, "a busy backdrop: not seen, not guessed"


def test_body_skin_of_the_painted_figure():
    figure = paint()
    colour = np.median(skin.lab(figure.rgb_srgb[figure.skin]), axis=0)
    body = views.body_skin(figure.rgb_srgb, figure.face, colour, (figure.alpha * 255).astype(np.uint8))
    assert float(skin.delta_e2000(body, colour)) < 2
    assert views.body_skin(figure.rgb_srgb, figure.face, colour, None) is None


# --- what covers a face -----------------------------------------------------------------------------------------


class Painter:
    """Paints on a face in its own measure: x and y from between the eyes, in distances between them."""

    def __init__(self, rgb, landmarks):
        self.rgb = rgb
        right, left = landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0)
        self.unit = float(np.linalg.norm(right - left))
        self.across = (right - left) / self.unit
        self.middle = (right + left) / 2

    def at(self, x, y):
        down = np.array([-self.across[1], self.across[0]])
        return tuple((self.middle + self.across * x * self.unit + down * y * self.unit).round().astype(int).tolist())

    def paint(self, colour, draw):
        cover = np.zeros(self.rgb.shape[:2], np.uint8)
        draw(cover)
        soft = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), max(0.015 * self.unit, 0.5))[..., None]
        noise = np.random.default_rng(0).normal(0, 2, self.rgb.shape)
        return np.clip(self.rgb * (1 - soft) + (np.array(colour) + noise) * soft, 0, 255).astype(np.uint8)

    def glasses(self, colour):
        size = round(0.42 * self.unit), round(0.33 * self.unit)

        def draw(cover):
            for x in (-0.5, 0.5):
                cv2.ellipse(cover, self.at(x, 0.05), size, 0, 0, 360, 1, -1)
            cv2.line(cover, self.at(-0.9, -0.12), self.at(0.9, -0.12), 1, max(round(0.07 * self.unit), 1))

        return self.paint(colour, draw)

    def mask(self, colour):
        edge = ((-0.95, 0.45), (0, 0.33), (0.95, 0.45), (0.8, 1.5), (0.3, 1.9), (-0.3, 1.9), (-0.8, 1.5))
        return self.paint(colour, lambda cover: cv2.fillPoly(cover, [np.array([self.at(*p) for p in edge])], 1))

    def hand(self, colour, y):
        def draw(cover):
            for finger in range(4):
                level = y - 0.3 + 0.2 * finger
                cv2.line(cover, self.at(-0.75, level), self.at(0.6, level - 0.05), 1, round(0.2 * self.unit))

        return self.paint(colour, draw)

    def hair(self, side):
        random = np.random.default_rng(1)

        def draw(cover):
            for x in random.normal(side * 0.55, 0.16, 60):
                cv2.line(cover, self.at(x * 0.7, -1.1), self.at(x, 1.0), 1, max(round(0.05 * self.unit), 1))

        return self.paint((48, 32, 24), draw)


FACES = ("mira/head-front", "mira/full-threequarter", "sami/head-threequarter", "sami/waist-front")


@pytest.fixture(scope="module", params=[*FACES, "astronaut"])
def painter(request):
    rgb = astronaut() if request.param == "astronaut" else decode(DEMO / f"{request.param}.jpg").rgb_srgb
    made = Painter(rgb, only_face(rgb).landmarks)
    made.landmarks = only_face(rgb).landmarks
    made.yaw = views.head_angles(made.landmarks)[0]
    made.skin = skin.to_srgb(skin.lab_to_linear(skin.lit_skin(rgb, made.landmarks)))
    return made


def test_everything_that_covers_a_face_is_found(painter):
    def found(rgb):
        return covered_parts(rgb, painter.landmarks, painter.yaw)

    assert found(painter.rgb) == ()
    assert found(painter.glasses((18, 17, 20))) == ("the eyes",)
    assert found(painter.glasses((70, 45, 30))) == ("the eyes",)
    assert found(painter.mask((170, 200, 215))) == ("nose and mouth",)
    assert found(painter.mask((25, 25, 28))) == ("nose and mouth",)
    assert found(painter.hand(painter.skin, 1.15)) in (("the mouth",), ("nose and mouth",))
    near = -1 if painter.yaw > 15 else 1
    assert "an eye" in found(painter.hair(near))


def test_light_from_one_side():
    rgb = astronaut()
    face = only_face(rgb)
    dark = skin.to_linear(rgb)
    dark[:, 222:] *= 0.25
    assert face_shade(rgb, face.landmarks) < 12
    assert face_shade(skin.to_srgb(dark), face.landmarks) > 25


# --- screens ----------------------------------------------------------------------------------------------------


def on_screen(rgb, face, pitch, angle, across=260):
    """The picture on an LCD ``across`` pixels wide, photographed at ``pitch`` camera pixels a screen pixel, turned by
    ``angle`` degrees and in perspective; and where the face is then."""
    high = round(rgb.shape[0] * across / rgb.shape[1])
    shown = skin.to_linear(cv2.resize(rgb, (across, high), interpolation=cv2.INTER_AREA))
    cell = np.zeros((6, 6, 3), np.float32)  # red, green and blue stripes, and a dark line between rows
    for channel in range(3):
        cell[:5, 2 * channel : 2 * channel + 2, channel] = 1
    lit = np.repeat(np.repeat(shown, 6, axis=0), 6, axis=1) * np.tile(cell / cell.mean((0, 1)), (high, across, 1))
    size = round(across * pitch), round(high * pitch)
    corners = np.float32([[0, 0], [lit.shape[1], 0], [lit.shape[1], lit.shape[0]], [0, lit.shape[0]]])
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    target = (corners / 6 - [across / 2, high / 2]) @ np.array([[c, s], [-s, c]]) * pitch * 1.05 + np.array(size) / 2
    target[1:3, 1] += [0.03 * size[1], -0.03 * size[1]]
    # Twice as large and averaged down, as a sensor's pixels average.
    matrix = cv2.getPerspectiveTransform(corners, (target * 2).astype(np.float32))
    seen = cv2.warpPerspective(lit, matrix, (size[0] * 2, size[1] * 2), borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.GaussianBlur(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), (0, 0), 0.5)
    noise = np.random.default_rng(0).normal(0, 1.5, seen.shape)
    box = np.float32([[face.left, face.top], [face.right, face.bottom]]) * across / rgb.shape[1] * 6
    (left, top), (right, bottom) = cv2.perspectiveTransform(box[None], matrix)[0] / 2
    found = Box(int(left), int(top), int(right - left), int(bottom - top))
    return np.clip(skin.to_srgb(np.clip(seen, 0, 1)) + noise, 0, 255).astype(np.uint8), found


def jpeg(rgb, quality):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


@pytest.mark.parametrize(("pitch", "angle"), [(2.6, 3), (2.05, 0.5), (3.4, 7), (2.9, -12)])
def test_a_photograph_of_a_screen_is_found(pitch, angle):
    rgb = astronaut()
    picture, face = on_screen(rgb, only_face(rgb).box, pitch, angle)
    assert grid_strength(picture, face) > MAX_SCREEN
    assert grid_strength(jpeg(picture, 80), face) > MAX_SCREEN


def scaled(box, by):
    return Box(*(round(v * by) for v in (box.left, box.top, box.width, box.height)))


@pytest.mark.parametrize("quality", [90, 70, 50])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.5])
def test_compression_is_no_screen(quality, scale):
    rgb = decode(DEMO / "sami/head-front.jpg").rgb_srgb
    box = only_face(rgb).box
    shown = cv2.resize(jpeg(rgb, quality), None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    assert grid_strength(shown, scaled(box, scale)) <= MAX_SCREEN
    assert grid_strength(jpeg(shown, quality), scaled(box, scale)) <= MAX_SCREEN


@pytest.mark.parametrize("period", [3, 5, 8, 13])
@pytest.mark.parametrize("kind", ["stripes", "knit", "check"])
def test_patterned_clothes_are_no_screen(period, kind):
    """Regular as a screen, only not on her face."""
    rgb = decode(DEMO / "mira/waist-front.jpg").rgb_srgb
    face = only_face(rgb).box
    y, x = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]] * 2 * np.pi / period
    wave = {
        "stripes": np.sin(y),
        "knit": np.sin(x + np.sin(y / 2)) * np.sin(y),
        "check": np.sign(np.sin(x) * np.sin(y)),
    }
    tee = (rgb[..., 1].astype(int) - rgb[..., 0] > 12)[..., None]
    dressed = np.clip(rgb + tee * 45 * wave[kind][..., None], 0, 255).astype(np.uint8)
    assert tee.mean() > 0.15
    assert grid_strength(dressed, face) <= MAX_SCREEN
