"""What a Photoshop document shows: its picture laid together before, and not its layers (Adobe Photoshop File Formats Specification).

Pillow reads neither those of 16 or 32 bits nor the very large ones (PSB), and those with more channels than colours wrongly.
"""

import struct

from PIL import Image, ImageChops

SHOWN = {0: "1", 1: "L", 2: "P", 3: "RGB", 4: "CMYK", 8: "L", 9: "LAB"}  # by colour mode; 7, of spot colours, by their number
MOST_PLANE_BYTES = 120_000_000  # of one channel: several copies have to fit into a container
PROFILE, CLEAR_INDEX = 1039, 1047  # image resources


def photoshop():
    """The picture, 8 bits deep; None for other files and for kinds that nobody here reads."""
    with SOURCE.open("rb") as file:
        head = file.read(26)
        if len(head) < 26 or not head.startswith(b"8BPS\0"):
            return None
        version, channels, height, width, depth, mode = struct.unpack_from(">H6xHIIHH", head, 4)
        shown = ("CMYK" if channels > 3 else "RGB" if channels == 3 else "L") if mode == 7 else SHOWN.get(mode)
        if shown is None or depth not in ((1,) if shown == "1" else (8, 16, 32)):
            return None
        row = (width * depth + 7) // 8
        if row * height > MOST_PLANE_BYTES:
            refuse("too_large", f"a picture of {width} x {height} pixels needs more memory to decode than a container has")
        colours, resources = (file.read(*struct.unpack(">I", file.read(4))) for _ in range(2))
        layers = struct.unpack(">Q" if version == 2 else ">I", file.read(4 * version))[0]
        start = file.read(min(layers, 4 * version + 2))
        file.seek(layers - len(start), 1)
        merged = len(start) == 4 * version + 2 and start[-2] > 127  # a negative number of layers: the next channel is how opaque it is
        if mode == 3 and (channels == 4 or (channels > 4 and merged)):
            shown = "RGBA"
        count = {"RGBA": 4, "CMYK": 4, "RGB": 3, "LAB": 3}.get(shown, 1)
        if count > channels:
            raise ValueError("not enough channels")
        bands = [band(plane, (width, height), depth) for plane in planes(file, row, height, channels, 2 * version, count)]
    if shown == "CMYK":
        bands = [ImageChops.invert(one) for one in bands]
    picture = Image.merge(shown, bands) if count > 1 else bands[0]
    if shown == "P":
        picture = Image.frombytes("P", picture.size, picture.tobytes())
        picture.putpalette(colours, "RGB;L")
        if clear := resource(resources, CLEAR_INDEX):
            picture.info["transparency"] = clear[-1]
    if (profile := resource(resources, PROFILE)) and depth < 32:  # that of a deeper one is of light
        picture.info["icc_profile"] = profile
    picture.format = "PSD"
    return picture


def resource(resources, number):
    at = resources.find(b"8BIM" + number.to_bytes(2, "big"))
    if at < 0:
        return None
    size = at + 6 + (resources[at + 6] + 2) // 2 * 2  # a name stands before
    return resources[size + 4 : size + 4 + int.from_bytes(resources[size : size + 4], "big")]


def planes(file, row, height, channels, counter, count):
    """The first ``count`` channels, unpacked; rows are of ``row`` bytes, the lengths of packed ones are numbers of ``counter`` bytes."""
    packing = int.from_bytes(file.read(2), "big")
    if packing > 1:
        refuse("unsupported", f"this is a Photoshop image with the compression {packing}, which no reader here supports")
    lengths = struct.unpack(f">{channels * height}{'HI'[counter // 4]}", file.read(counter * channels * height)) if packing else ()
    for number in range(count):
        if packing:
            packed = file.read(sum(lengths[number * height : (number + 1) * height]))
            yield Image.frombytes("L", (row, height), packed, "packbits", "L").tobytes()
        else:
            yield file.read(row * height)


def band(plane, size, depth):
    if depth == 1:
        return Image.frombytes("1", size, plane, "raw", "1;I")
    if depth == 32:  # light itself, of which a picture shows a power (IEC 61966-2-1)
        import numpy

        light = numpy.frombuffer(plane, ">f4").clip(0, 1)
        shade = numpy.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        plane = (255 * shade + 0.5).astype("u1").tobytes()
    return Image.frombytes("L", size, plane[::2] if depth == 16 else plane)
