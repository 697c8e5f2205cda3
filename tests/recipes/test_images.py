"""Images, as an independent reading of the output finds them: pixels, sizes, frames, colours."""

import io
import struct
import zlib
from pathlib import Path

import httpx
import pypdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, ImageSequence

from tests.recipes.converting import run
from tests.recipes.programs import SAMPLES, catalogue


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    """Return the picture as a file."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def opened(path: Path) -> Image.Image:
    """Return the picture in the file, read whole."""
    with Image.open(path) as picture:
        picture.load()
        return picture.copy()


def dot(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    """Return the colours of one pixel."""
    found = picture.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def halves() -> Image.Image:
    """Return 60 x 40 pixels, red on the left, blue on the right, with a green corner at the top left."""
    picture = Image.new("RGB", (60, 40), "red")
    picture.paste("blue", (30, 0, 60, 40))
    picture.paste("lime", (0, 0, 8, 8))
    return picture


def disc(step: int) -> Image.Image:
    """Return one frame of an animation: a disc that moves over nothing."""
    frame = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    ImageDraw.Draw(frame).ellipse((step * 4, 10, step * 4 + 18, 28), fill=(250, step * 20, 90, 255))
    return frame


@pytest.mark.parametrize(
    ("named", "target"),
    [(named, "png") for named in ("jpg", "gif", "webp", "tiff", "bmp", "heic", "avif", "ico", "jp2", "ppm", "tga")]
    + [("heic", target) for target in ("jpg", "webp", "gif", "tiff", "bmp", "avif", "ico", "pdf")],
)
def test_readers_and_writers(client: httpx.Client, tmp_path: Path, named: str, target: str) -> None:
    """Every reader and every writer makes a file that opens, of the format asked for and the size of the source."""
    done = run(client, tmp_path, SAMPLES / f"picture.{named}", named, target)
    if target == "pdf":
        assert len(pypdf.PdfReader(done.output).pages) == done.facts["pages"]
        return
    with Image.open(done.output) as made:
        made.load()
        assert made.format == {"jpg": "JPEG"}.get(target, target.upper())
        assert target == "ico" or made.size == (done.facts["width"], done.facts["height"])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("target", ["png", "pdf"])
def test_upright(client: httpx.Client, tmp_path: Path, orientation: int, target: str) -> None:
    """A photo arrives upright, whichever of the eight ways its EXIF says it was taken, in a PDF without a new compression."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Transpose that undoes each
    stored = halves().transpose(Image.Transpose(turns[orientation])) if orientation > 1 else halves()
    done = run(
        client, tmp_path, encoded(stored, "JPEG", exif=exif, quality=95, subsampling=0, dpi=(96, 96)), "jpg", target
    )
    if target == "pdf":
        made = pypdfium2.PdfDocument(done.output)[0].render(scale=96 / 72).to_pil().convert("RGB")
    else:
        made = Image.open(done.output)
    assert made.size == (60, 40)
    assert [max(zip(dot(made, *at), "RGB", strict=True))[1] for at in ((2, 2), (20, 30), (50, 20))] == list("GRB")


@st.composite
def pictures(draw: st.DrawFn) -> Image.Image:
    """Draw a small picture of a few colours, of any usual mode, each pixel clear or opaque."""
    mode = draw(st.sampled_from(["1", "L", "LA", "RGB", "RGBA"]))
    size = draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    stored, noise = mode.replace("1", "L"), draw(st.randoms(use_true_random=False))
    raw = bytes(noise.choice((0, 64, 255)) for _ in range(size[0] * size[1] * len(stored)))
    picture = Image.frombytes(stored, size, raw).convert(mode)
    if "A" in mode:
        picture.putalpha(picture.getchannel("A").point(lambda value: 255 if value > 100 else 0))
    return picture


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(picture=pictures(), target=st.sampled_from(["tiff", "webp", "gif"]))
def test_lossless_targets_keep_every_pixel(
    client: httpx.Client, tmp_path: Path, picture: Image.Image, target: str
) -> None:
    """Any small picture survives unchanged where the target has no loss: colours, and clear against opaque."""
    options = {"lossless": "true"} if target == "webp" else {}
    done = run(client, tmp_path, encoded(picture, "PNG"), "png", target, **options)
    clear = Image.new("RGBA", picture.size)
    shown = [Image.alpha_composite(clear, each.convert("RGBA")).tobytes() for each in (picture, opened(done.output))]
    assert shown[1] == shown[0]


@pytest.mark.parametrize(
    ("form", "target"),
    [
        ("GIF", "webp"),
        ("GIF", "avif"),
        ("GIF", "tiff"),
        ("GIF", "pdf"),
        ("PNG", "gif"),
        ("WEBP", "gif"),
        ("WEBP", "avif"),
    ],
)
def test_frames_stay(client: httpx.Client, tmp_path: Path, form: str, target: str) -> None:
    """Every frame of an animation arrives with its pixels and, where the target has one, its time."""
    options = {"lossless": True} if form == "WEBP" else {"disposal": 2} if form == "GIF" else {}
    source = encoded(
        disc(0),
        form,
        save_all=True,
        append_images=[disc(step) for step in range(1, 6)],
        duration=[60, 70, 80, 90, 100, 110],
        loop=0,
        **options,
    )
    done = run(client, tmp_path, source, form.lower(), target)
    if target == "pdf":
        assert len(pypdf.PdfReader(done.output).pages) == 6
        return
    with Image.open(done.output) as made:
        frames = [frame.convert("RGBA") for frame in ImageSequence.Iterator(made)]
        made.seek(2)
        made.load()
        assert target == "tiff" or made.info["duration"] == 80
    assert len(frames) == 6
    for step, frame in enumerate(frames):
        assert dot(frame, step * 4 + 9, 19)[3] == 255
        assert dot(frame, 48, 48)[3] == 0


def test_one_frame_for_a_still_format(client: httpx.Client, tmp_path: Path) -> None:
    """A format of one picture gets the first frame, with a warning; the option picks another."""
    source = encoded(disc(0), "GIF", save_all=True, append_images=[disc(5)], disposal=2)
    first, second = run(client, tmp_path, source, "gif", "png"), run(client, tmp_path, source, "gif", "png", frame="2")
    assert any("first of 2" in warning for warning in first.warnings)
    assert second.warnings == []
    assert [dot(opened(done.output).convert("RGBA"), 9, 19)[3] for done in (first, second)] == [255, 0]


def test_alpha_on_the_background(client: httpx.Client, tmp_path: Path) -> None:
    """Clear pixels show the background colour, not the colour hidden under them."""
    picture = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    white = run(client, tmp_path, encoded(picture, "PNG"), "png", "jpg")
    blue = run(client, tmp_path, encoded(picture, "PNG"), "png", "bmp", background="#0000ff")
    assert opened(white.output).getpixel((5, 5)) == (255, 255, 255)
    assert opened(blue.output).getpixel((5, 5)) == (0, 0, 255)


def test_sixteen_bits(client: httpx.Client, tmp_path: Path) -> None:
    """Sixteen-bit grey stays so where it can, and is scaled, not cut, where it cannot."""
    picture = Image.new("I;16", (2, 1))
    picture.putpixel((0, 0), 0x8080)
    picture.putpixel((1, 0), 0xFFFF)
    deep, shallow = (run(client, tmp_path, encoded(picture, "PNG"), "png", target) for target in ("tiff", "bmp"))
    assert [opened(deep.output).getpixel((x, 0)) for x in (0, 1)] == [0x8080, 0xFFFF]
    assert [opened(shallow.output).getpixel((x, 0)) for x in (0, 1)] == [0x80, 0xFF]


def test_profile_kept_or_converted(client: httpx.Client, tmp_path: Path) -> None:
    """A colour profile goes along where the format carries one; CMYK becomes sRGB."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kept = run(client, tmp_path, encoded(halves(), "PNG", icc_profile=srgb), "png", "webp")
    assert opened(kept.output).info["icc_profile"] == srgb
    wrong = run(client, tmp_path, encoded(halves(), "PNG", icc_profile=profile), "png", "webp")
    assert "icc_profile" not in opened(wrong.output).info
    ink = run(client, tmp_path, encoded(Image.new("CMYK", (9, 9), (0, 255, 255, 0)), "TIFF"), "tiff", "png")
    assert opened(ink.output).mode == "RGB"
    assert "colours were converted to sRGB" in ink.warnings


def test_pages_of_a_pdf(client: httpx.Client, tmp_path: Path) -> None:
    """A scan of several pages becomes a PDF of as many, losslessly, each at its own size."""
    pages = [Image.effect_noise((30 + 10 * number, 40), 80) for number in range(3)]
    done = run(
        client, tmp_path, encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], dpi=(72, 72)), "tiff", "pdf"
    )
    read = pypdf.PdfReader(done.output)
    assert [round(float(page.mediabox.width)) for page in read.pages] == [30, 40, 50]
    assert [image.tobytes() for page in read.pages if (image := page.images[0].image)] == [
        page.tobytes() for page in pages
    ]


def test_a_jpeg_stays_itself_in_a_pdf(client: httpx.Client, tmp_path: Path) -> None:
    """The compressed picture is carried over, without the segments that say where it was taken."""
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    source = encoded(halves(), "JPEG", exif=exif)
    done = run(client, tmp_path, source, "jpg", "pdf")
    made = done.output.read_bytes()
    scan = source[source.index(b"\xff\xda") :]
    assert scan in made
    assert b"secret place" not in made


@pytest.mark.parametrize(
    ("width", "height", "expected"), [("30", "0", (30, 20)), ("0", "80", (120, 80)), ("30", "10", (15, 10))]
)
def test_sizes(client: httpx.Client, tmp_path: Path, width: str, height: str, expected: tuple[int, int]) -> None:
    """Width and height bound the picture; its proportions stay."""
    done = run(client, tmp_path, encoded(halves(), "PNG"), "png", "jpg", width=width, height=height)
    assert opened(done.output).size == expected


def test_the_same_format_made_smaller(client: httpx.Client, tmp_path: Path) -> None:
    """A picture may stay what it is and become smaller; that is listed like any other pair."""
    done = run(client, tmp_path, encoded(halves(), "JPEG"), "jpg", "jpg", width="15")
    assert opened(done.output).size == (15, 10)
    assert "jpg" in {pair.output_format for pair in catalogue().outputs_of("image/jpeg")}


def test_too_many_pixels_for_an_encoder(client: httpx.Client, tmp_path: Path) -> None:
    """A picture that an encoder's memory cannot hold is refused before it is decoded; a smaller one of it is not."""
    large = encoded(Image.new("1", (8000, 8000)), "PNG")
    assert run(client, tmp_path, large, "png", "avif").refused == "too_large"
    assert run(client, tmp_path, large, "png", "avif", width="80").refused is None


def test_photoshop(client: httpx.Client, tmp_path: Path) -> None:
    """Of a Photoshop file, the layers laid together are converted."""
    done = run(client, tmp_path, SAMPLES / "picture.psd", "psd", "png")
    assert opened(done.output).size == (done.facts["width"], done.facts["height"])


def test_icon(client: httpx.Client, tmp_path: Path) -> None:
    """An icon is square and holds the usual sizes, none larger than the picture."""
    done = run(client, tmp_path, encoded(Image.new("RGB", (300, 200), "red"), "PNG"), "png", "ico")
    with Image.open(done.output) as made:
        assert made.info["sizes"] == {(side, side) for side in (16, 24, 32, 48, 64, 128, 256)}
        assert dot(made.convert("RGBA"), 128, 2)[3] == 0


def test_a_gif_that_grows(client: httpx.Client, tmp_path: Path) -> None:
    """A frame that reaches past the canvas makes that frame larger, and not the one before it."""
    first, second = Image.new("P", (20, 20)), Image.new("P", (20, 20), 1)
    for each in (first, second):
        each.putpalette([0, 0, 0, 255, 0, 0])
    content = encoded(first, "GIF", save_all=True, append_images=[second])
    at = content.rindex(b"\x2c" + struct.pack("<HHHH", 0, 0, 20, 20)) + 1  # where the second frame stands
    moved = content[:at] + struct.pack("<HH", 10, 10) + content[at + 4 :]
    done = run(client, tmp_path, moved, "gif", "tiff")
    assert (done.refused, done.facts["frames"], opened(done.output).size) == (None, 2, (20, 20))


def test_metadata_of_no_known_kind(client: httpx.Client, tmp_path: Path) -> None:
    """A HEIC whose metadata has a kind that is no text, which ends pi_heif's reader, is a picture all the same."""
    content = (SAMPLES / "picture.heic").read_bytes()
    content = content.replace(b"\0\4\0\0grid", b"\0\4\0\0E\xeaif").replace(b"auxl\0\4", b"cdsc\0\4")
    assert opened(run(client, tmp_path, content, "heic", "png").output).size == (48, 32)


def bomb() -> bytes:
    """Return a PNG that says it has 900 million pixels, in a few kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(bytes(30001 * 100))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
    )


def test_refusals(client: httpx.Client, tmp_path: Path) -> None:
    """A bomb is too large, before it is decoded; half a file, a bent one, and none at all are damaged."""
    whole = encoded(Image.effect_noise((64, 64), 90), "PNG")
    bent = whole[:80] + bytes([whole[80] ^ 0xFF]) + whole[81:]
    assert run(client, tmp_path, bomb(), "png", "jpg").refused == "too_large"
    for broken in (whole[: len(whole) // 2], bent, whole[:8], b""):
        done = run(client, tmp_path, broken, "png", "jpg")
        assert done.refused == "damaged"
        assert not done.output.exists()


@pytest.mark.parametrize("form", ["JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "ICO"])
def test_truncated(client: httpx.Client, tmp_path: Path, form: str) -> None:
    """Half a picture is damaged, in every format."""
    whole = encoded(Image.effect_noise((64, 64), 90).convert("RGB"), form)
    named = {"JPEG": "jpg"}.get(form, form.lower())
    assert run(client, tmp_path, whole[: len(whole) // 2], named, "png").refused == "damaged"
