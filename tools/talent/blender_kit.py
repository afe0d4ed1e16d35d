"""Small conveniences over bpy shared by the drape, render and scene scripts."""

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree


def empty_scene():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene


def add_object(name, data, material=None):
    created = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(created)
    if material is not None:
        data.materials.append(material)
    return created


def add_mesh(name, vertices, faces, uvs=None, material=None, smooth=True):
    """``uvs``: one pair per face corner, in face order."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(np.asarray(vertices, float).tolist(), [], [[int(i) for i in face] for face in faces])
    mesh.update()
    mesh.polygons.foreach_set("use_smooth", [smooth] * len(mesh.polygons))
    if uvs is not None:
        layer = mesh.uv_layers.new(name="UVMap")
        layer.data.foreach_set("uv", np.asarray(uvs, np.float32).ravel())
    return add_object(name, mesh, material)


def add_vertex_value(mesh_object, name, values):
    attribute = mesh_object.data.attributes.new(name, "FLOAT", "POINT")
    attribute.data.foreach_set("value", np.asarray(values, np.float32))


def add_strands(name, points, radii, material, tip=0.3):
    """``points`` (strands, points, 3) as render curves that thin out to the tip."""
    strand_count, point_count = points.shape[:2]
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([point_count] * strand_count)
    curves.attributes["position"].data.foreach_set("vector", points.astype(np.float32).ravel())
    taper = np.linspace(1, tip, point_count) ** 0.8
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    values = np.broadcast_to(np.asarray(radii, float).reshape(-1, 1), (strand_count, 1)) * taper
    radius.data.foreach_set("value", values.astype(np.float32).ravel())
    return add_object(name, curves, material)


def add_area_light(name, location, target, size, energy, colour=(1, 1, 1)):
    light = bpy.data.lights.new(name, "AREA")
    light.shape = "RECTANGLE"
    light.size, light.size_y = size
    light.energy, light.color = energy, colour
    created = add_object(name, light)
    created.location = location
    aim(created, target)
    return created


def aim(blender_object, target):
    """Point an object's -Z (cameras, lights) at a place, Y up."""
    direction = Vector(target) - blender_object.location
    blender_object.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()


def surface_tree(vertices, faces):
    return BVHTree.FromPolygons(
        [Vector(vertex) for vertex in np.asarray(vertices, float)],
        [[int(i) for i in face] for face in faces],
    )


def vertex_array(mesh):
    values = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3).astype(float)


def use_cycles(scene, samples, threshold=0.03):
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.samples = samples
    cycles.use_adaptive_sampling = True
    cycles.adaptive_threshold = threshold
    cycles.use_denoising = True
    cycles.denoiser = "OPENIMAGEDENOISE"
    cycles.denoising_prefilter = "ACCURATE"
    cycles.max_bounces = 8
    cycles.transparent_max_bounces = 12
    cycles.transmission_bounces = 8
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.cycles_curves.shape = "RIBBONS"
    scene.cycles_curves.subdivisions = 2
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.render.image_settings.file_format = "PNG"


class Shader:
    """A material's node tree, written as expressions instead of wiring.

    Every argument may be a number, a colour or another node's output.
    """

    def __init__(self, name):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.surface = self.tree.nodes["Principled BSDF"]
        self._coordinates = None

    def set(self, node, **inputs):
        """Set inputs by name; underscores stand for spaces."""
        for key, value in inputs.items():
            self.feed(node.inputs[key.replace("_", " ")], value)
        return node

    def principled(self, **inputs):
        return self.set(self.surface, **inputs)

    def output(self, socket):
        """Use another shader than the Principled BSDF as the surface."""
        self.tree.links.new(socket, self.tree.nodes["Material Output"].inputs["Surface"])
        if self.surface is not None:
            self.tree.nodes.remove(self.surface)
            self.surface = None
        return self.material

    def node(self, kind, **properties):
        created = self.tree.nodes.new("ShaderNode" + kind)
        for key, value in properties.items():
            setattr(created, key, value)
        return created

    def feed(self, socket, value):
        if hasattr(value, "is_linked"):
            self.tree.links.new(value, socket)
        elif socket.type == "RGBA" and not hasattr(value, "__len__"):
            socket.default_value = (value, value, value, 1)
        elif socket.type == "RGBA" and len(value) == 3:
            socket.default_value = (*value, 1)
        else:
            socket.default_value = value

    def coordinates(self, kind="Object"):
        if self._coordinates is None:
            self._coordinates = self.node("TexCoord")
        return self._coordinates.outputs[kind]

    def math(self, operation, *operands, clamp=False):
        created = self.node("Math", operation=operation, use_clamp=clamp)
        for socket, operand in zip(created.inputs, operands, strict=False):
            self.feed(socket, operand)
        return created.outputs[0]

    def add(self, first, second):
        return self.math("ADD", first, second)

    def multiply(self, first, second):
        return self.math("MULTIPLY", first, second)

    def scaled_sum(self, *terms):
        """``terms``: (socket, factor) pairs."""
        total = 0.0
        for socket, factor in terms:
            total = self.math("MULTIPLY_ADD", socket, factor, total)
        return total

    def remap(self, value, low, high, new_low=0.0, new_high=1.0, smooth=False):
        created = self.node("MapRange", clamp=True, interpolation_type="SMOOTHSTEP" if smooth else "LINEAR")
        for index, operand in enumerate((value, low, high, new_low, new_high)):
            self.feed(created.inputs[index], operand)
        return created.outputs[0]

    def noise(self, scale, detail=2.0, roughness=0.5, vector=None):
        created = self.node("TexNoise")
        self.set(created, Scale=scale, Detail=detail, Roughness=roughness)
        self.feed(created.inputs["Vector"], vector or self.coordinates())
        return created.outputs[0]

    def voronoi(self, scale, feature="F1", vector=None, randomness=1.0):
        created = self.node("TexVoronoi", feature=feature)
        self.set(created, Scale=scale, Randomness=randomness)
        self.feed(created.inputs["Vector"], vector or self.coordinates())
        return created.outputs["Distance"]

    def wave(self, scale, direction="X", vector=None, distortion=0.0, profile="SIN"):
        created = self.node("TexWave", bands_direction=direction, wave_profile=profile)
        self.set(created, Scale=scale, Distortion=distortion, Detail=1.0)
        self.feed(created.inputs["Vector"], vector or self.coordinates())
        return created.outputs["Fac"]

    def mix(self, factor, first, second, blend="MIX"):
        created = self.node("Mix", data_type="RGBA", blend_type=blend)
        self.feed(created.inputs[0], factor)
        self.feed(created.inputs[6], first)
        self.feed(created.inputs[7], second)
        return created.outputs[2]

    def ramp(self, value, stops):
        created = self.node("ValToRGB")
        elements = created.color_ramp.elements
        for index, (position, colour) in enumerate(stops):
            element = elements[index] if index < 2 else elements.new(position)
            element.position = position
            element.color = (*colour, 1)
        self.feed(created.inputs[0], value)
        return created.outputs[0]

    def attribute(self, name):
        return self.node("Attribute", attribute_name=name).outputs["Fac"]

    def image(self, path, data=False):
        created = self.node("TexImage", interpolation="Cubic")
        created.image = bpy.data.images.load(str(path.resolve()), check_existing=True)
        if data:
            created.image.colorspace_settings.name = "Non-Color"
        return created.outputs[0]

    def separate(self, vector):
        created = self.node("SeparateXYZ")
        self.feed(created.inputs[0], vector)
        return created.outputs

    def combine(self, *parts):
        created = self.node("CombineXYZ")
        for socket, part in zip(created.inputs, parts, strict=False):
            self.feed(socket, part)
        return created.outputs[0]

    def stretch(self, factors, vector=None):
        created = self.node("VectorMath", operation="MULTIPLY")
        self.feed(created.inputs[0], vector or self.coordinates())
        created.inputs[1].default_value = factors
        return created.outputs[0]

    def bump(self, height, distance, strength=1.0, normal=None):
        created = self.node("Bump")
        self.set(created, Height=height, Distance=distance, Strength=strength)
        if normal is not None:
            self.feed(created.inputs["Normal"], normal)
        return created.outputs[0]
