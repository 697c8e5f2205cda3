"""The records of Windows metafiles (EMF, WMF), each told to a canvas."""


def draw_emf(canvas, raw):
    bounds, frame = struct.unpack_from("<4i", raw, 8), struct.unpack_from("<4i", raw, 24)
    device, millimetres = struct.unpack_from("<2i", raw, 72), struct.unpack_from("<2i", raw, 80)
    at = 0
    while at + 8 <= len(raw):
        kind, size = struct.unpack_from("<II", raw, at)
        if size < 8 or kind == 14:
            break
        try:
            emf_record(canvas, kind, raw[at : at + size])
        except (struct.error, KeyError, OSError, SyntaxError):  # one that is cut or of another making
            pass
        at += size
    wide, high = frame[2] - frame[0], frame[3] - frame[1]
    if wide > 0 and high > 0 and all(millimetres) and all(device):
        across, down = (pixels / length / 100 for pixels, length in zip(device, millimetres))
        return canvas.svg((frame[0] * across, frame[1] * down, wide * across, high * down), (wide / 2540 * 96, high / 2540 * 96))
    wide, high = max(bounds[2] - bounds[0] + 1, 1), max(bounds[3] - bounds[1] + 1, 1)
    return canvas.svg((bounds[0], bounds[1], wide, high), (wide, high))


def pairs_at(record, at, count, small):
    count = min(count, max(len(record) - at, 0) // (4 if small else 8))
    numbers = struct.unpack_from(f"<{2 * count}{'h' if small else 'i'}", record, at)
    return list(zip(numbers[::2], numbers[1::2]))


def emf_record(canvas, kind, record):
    state, whole = canvas.state, lambda at=8, count=1: struct.unpack_from(f"<{count}i", record, at)
    shape = PAIRS_16.get(kind, kind)
    if 2 <= shape <= 6:
        pairs = pairs_at(record, 28, whole(24)[0], kind in PAIRS_16)
        canvas.line(pairs, closed=shape == 3, curved=shape in (2, 5), start=state["at"] if shape > 4 else None)
    elif shape in (7, 8):
        groups, total = whole(24, 2)
        if not 0 <= groups <= total < MAX_NUMBERS:
            return
        pairs = iter(pairs_at(record, 32 + 4 * groups, total, kind in PAIRS_16))
        canvas.many([[pair for _, pair in zip(range(count), pairs)] for count in whole(32, groups)], shape == 8)
    elif kind in (9, 10, 11, 12):
        state[("window_size", "window", "view_size", "view")[kind - 9]] = whole(8, 2)
    elif kind == 19:
        state["rule"] = "nonzero" if whole()[0] == 2 else "evenodd"
    elif kind == 22:
        state["align"] = whole()[0]
    elif kind == 24:
        state["ink"] = rgb(whole()[0])
    elif kind == 27:
        state["at"] = whole(8, 2)
        if canvas.path is not None:
            canvas.path.append(f"M{canvas.points([state['at']])[0]}")
    elif kind == 33:
        canvas.save()
    elif kind == 34:
        canvas.restore(whole()[0])
    elif kind == 35:
        state["world"] = struct.unpack_from("<6f", record, 8)
    elif kind == 36:
        change_world(state, struct.unpack_from("<6f", record, 8), whole(32)[0])
    elif kind == 37:
        canvas.select(struct.unpack_from("<I", record, 8)[0])
    elif kind == 38:
        number, style, width, _, colour = struct.unpack_from("<IIiiI", record, 8)
        canvas.objects[number] = "pen", (rgb(colour), max(abs(width), 1), style & 15)
    elif kind == 95:
        number, style, width, brush, colour = struct.unpack_from("<I16xIIII", record, 8)
        canvas.objects[number] = "pen", (rgb(colour), max(width, 1), 5 if brush == 1 else style & 15)
    elif kind == 39:
        number, style, colour = struct.unpack_from("<III", record, 8)
        canvas.objects[number] = "brush", None if style == 1 else rgb(colour)
    elif kind in (93, 94):  # brushes of patterns
        canvas.objects[whole()[0]] = "brush", "#c0c0c0"
    elif kind == 82:
        number, height, _, turned, _, bold, italic = struct.unpack_from("<IiiiiiB", record, 8)
        canvas.objects[number] = "font", (height, bold, bool(italic), utf16(record[40:104]), turned)
    elif kind == 40:
        canvas.objects.pop(whole()[0], None)
    elif kind in (42, 43):
        left, top, right, bottom = whole(8, 4)
        canvas.box(left, top, right, bottom, (right - left, bottom - top) if kind == 42 else (0, 0))
    elif kind == 44:
        canvas.box(*whole(8, 4), whole(24, 2))
    elif kind in (45, 46, 47, 55):
        numbers = whole(8, 8)
        canvas.arc({46: "chord", 47: "slice"}.get(kind, "arc"), numbers[:4], numbers[4:6], numbers[6:])
    elif kind == 54:
        canvas.line([whole(8, 2)], start=state["at"])
    elif kind == 59:
        canvas.path = []
    elif kind == 60:
        canvas.ended, canvas.path = canvas.path or [], None
    elif kind == 61 and canvas.path:
        canvas.path.append("Z")
    elif kind in (62, 63, 64):
        canvas.paint_path(kind != 64, kind != 62)
    elif kind in (83, 84):
        emf_text(canvas, record, kind == 84)
    elif kind in EMF_BITMAPS:
        target, place = EMF_BITMAPS[kind]
        header_at, header_size, bits_at, bits_size = struct.unpack_from("<4I", record, place)
        if header_size >= 40 and bits_size:
            x, y = whole(target, 2)
            wide, high = whole(72 if kind == 81 else 40 if place == 48 else 32, 2)
            bits = record[bits_at : bits_at + bits_size]
            header = record[header_at : header_at + header_size]
            operation = struct.unpack_from("<I", record, 40 if place == 84 else 68)[0] if kind in (76, 77, 81) else 0
            canvas.bitmap(x, y, x + wide, y + high, bitmap_file(header, bits), operation)


def change_world(state, matrix, mode):
    a, b, c, d, e, f = matrix
    one = state["world"]
    if mode == 1:
        state["world"] = (1, 0, 0, 1, 0, 0)
    elif mode in (2, 3):
        first, second = (matrix, one) if mode == 2 else (one, matrix)
        a, b, c, d, e, f = first
        g, h, i, j, k, l = second
        state["world"] = (a * g + b * i, a * h + b * j, c * g + d * i, c * h + d * j, e * g + f * i + k, e * h + f * j + l)
    elif mode == 4:
        state["world"] = matrix


def utf16(raw):
    return raw.decode("utf-16-le", "replace").partition("\0")[0]


def emf_text(canvas, record, wide):
    x, y, count, at, options = struct.unpack_from("<iiIII", record, 36)
    raw = record[at : at + count * (2 if wide else 1)]
    spaces_at = struct.unpack_from("<I", record, 72)[0]
    fits = 0 < spaces_at and spaces_at + 4 * count <= len(record) and count
    spaces = struct.unpack_from(f"<{count}i", record, spaces_at) if fits and not options & 0x2000 else ()
    if not options & 0x10:  # glyphs of a font that is not there
        canvas.text(x, y, raw.decode("utf-16-le" if wide else "cp1252", "replace"), spaces)


def draw_wmf(canvas, raw):
    at, box, inch = 0, None, 96
    if raw[:4] == b"\xd7\xcd\xc6\x9a":
        at = 22
        *box, inch = struct.unpack_from("<4hH", raw, 6)
    at += 2 * struct.unpack_from("<H", raw, at + 2)[0]
    slots, first = [], None
    if box:
        canvas.state |= {"window": tuple(box[:2]), "window_size": (box[2] - box[0] or 1, box[3] - box[1] or 1)}
        size = tuple(abs(each) * 96 / (inch or 96) for each in canvas.state["window_size"])
        canvas.state["view_size"] = size
    while at + 6 <= len(raw):
        length, kind = struct.unpack_from("<IH", raw, at)
        if length < 3 or kind == 0:
            break
        record = raw[at + 6 : at + 2 * length]
        if kind == 0x020C and not box and first is None:
            first = struct.unpack_from("<2h", record)[::-1]
            canvas.state["view_size"] = tuple(min(abs(each), 1000) * 1.0 for each in first)
        try:
            wmf_record(canvas, kind, record, slots)
        except (struct.error, KeyError, OSError, SyntaxError):
            pass
        at += 2 * length
    size = canvas.state["view_size"]
    return canvas.svg((0, 0, max(size[0], 1), max(size[1], 1)), (max(size[0], 1), max(size[1], 1)))


def wmf_record(canvas, kind, record, slots):
    state, short = canvas.state, lambda count, at=0: struct.unpack_from(f"<{count}h", record, at)
    created = None
    if kind in (0x020B, 0x020C):
        state["window" if kind == 0x020B else "window_size"] = short(2)[::-1]
    elif kind == 0x0106:
        state["rule"] = "nonzero" if short(1)[0] == 2 else "evenodd"
    elif kind == 0x012E:
        state["align"] = short(1)[0]
    elif kind == 0x0209:
        state["ink"] = rgb(struct.unpack_from("<I", record)[0])
    elif kind == 0x0213:
        canvas.line([short(2)[::-1]], start=state["at"])
    elif kind == 0x0214:
        state["at"] = short(2)[::-1]
    elif kind in (0x0324, 0x0325):
        canvas.line(pairs_at(record, 2, short(1)[0], True), closed=kind == 0x0324)
    elif kind == 0x0538:
        groups = short(1)[0]
        counts = short(groups, 2)
        pairs = iter(pairs_at(record, 2 + 2 * groups, sum(counts), True))
        canvas.many([[pair for _, pair in zip(range(count), pairs)] for count in counts], closed=True)
    elif kind in (0x0418, 0x041B):
        bottom, right, top, left = short(4)
        canvas.box(left, top, right, bottom, (right - left, bottom - top) if kind == 0x0418 else (0, 0))
    elif kind == 0x061C:
        high, wide, bottom, right, top, left = short(6)
        canvas.box(left, top, right, bottom, (wide, high))
    elif kind in (0x0817, 0x081A, 0x0830):
        y2, x2, y1, x1, bottom, right, top, left = short(8)
        canvas.arc({0x081A: "slice", 0x0830: "chord"}.get(kind, "arc"), (left, top, right, bottom), (x1, y1), (x2, y2))
    elif kind == 0x0521:
        count = short(1)[0]
        y, x = short(2, 2 + count + count % 2)
        canvas.text(x, y, record[2 : 2 + count].decode("cp1252", "replace"))
    elif kind == 0x0A32:
        y, x, count, options = short(4)
        at = 16 if options & 6 else 8
        canvas.text(x, y, record[at : at + count].decode("cp1252", "replace"))
    elif kind == 0x001E:
        canvas.save()
    elif kind == 0x0127:
        canvas.restore(short(1)[0])
    elif kind == 0x012D:
        canvas.select(short(1)[0])
    elif kind == 0x01F0:
        number = short(1)[0]
        canvas.objects.pop(number, None)
        if 0 <= number < len(slots):
            slots[number] = False
    elif kind == 0x02FA:
        style, width, _, colour = struct.unpack_from("<HhhI", record)
        created = "pen", (rgb(colour), max(abs(width), 1), style & 15)
    elif kind == 0x02FC:
        style, colour = struct.unpack_from("<HI", record)
        created = "brush", None if style == 1 else rgb(colour)
    elif kind == 0x02FB:
        height, _, turned, _, bold, italic = struct.unpack_from("<5hB", record)
        created = "font", (height, bold, bool(italic), record[18:50].decode("cp1252", "replace").partition("\0")[0], turned)
    elif kind in (0x01F9, 0x0142):
        created = "brush", "#c0c0c0"
    elif kind in (0x00F7, 0x06FF):
        created = "none", None
    elif kind in WMF_BITMAPS:
        place = WMF_BITMAPS[kind]
        if len(record) > place + 40 and struct.unpack_from("<I", record, place)[0] >= 40:
            high, wide, y, x = short(4, place - 8)
            length, depth, compression = struct.unpack_from("<I10xHI", record, place)
            colors = struct.unpack_from("<I", record, place + 32)[0] or (1 << depth if depth <= 8 else 0)
            length += 4 * min(colors, 256) + (12 if compression == 3 and length == 40 else 0)
            file = bitmap_file(record[place : place + length], record[place + length :])
            canvas.bitmap(x, y, x + wide, y + high, file, struct.unpack_from("<I", record)[0])
    if created:
        free = slots.index(False) if False in slots else len(slots)
        slots[free : free + 1] = [True]
        canvas.objects[free] = created
