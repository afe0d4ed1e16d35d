"""ONNX files written by hand (protobuf's wire format), so that no test needs the package that makes them."""


def number(value):
    out = b""
    value &= 2**64 - 1
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(index, value):
    if isinstance(value, int):
        return number(index << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(index << 3 | 2) + number(len(value)) + value


def shaped(name, *sides):
    """A named tensor of float32 with these sides: an input or an output."""
    dims = b"".join(field(1, field(1, side)) for side in sides)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def constant(name, values):
    """An initializer, of int64 or float32."""
    kind = 7 if values.dtype.kind == "i" else 1
    return (
        b"".join(field(1, side) for side in values.shape) + field(2, kind) + field(8, name) + field(9, values.tobytes())
    )


def whole(attribute, value):
    """An attribute that is an integer, or a list of one."""
    if isinstance(value, list):
        return field(5, field(1, attribute) + b"".join(field(8, each) for each in value) + field(20, 7))
    return field(5, field(1, attribute) + field(3, value) + field(20, 2))


def node(kind, inputs, output, *attributes):
    named = b"".join(field(1, name) for name in inputs)
    return field(1, named + field(2, output) + field(4, kind) + b"".join(attributes))


def model(nodes, constants, inputs, outputs, said=()):
    """``said`` are pairs of the file's own metadata."""
    graph = b"".join(nodes) + field(2, "g") + b"".join(field(5, each) for each in constants)
    graph += b"".join(field(11, each) for each in inputs) + b"".join(field(12, each) for each in outputs)
    metadata = b"".join(field(14, field(1, key) + field(2, value)) for key, value in said)
    return field(1, 7) + field(7, graph) + field(8, field(2, 13)) + metadata
