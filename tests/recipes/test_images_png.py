"""Large PNGs, which are written without Pillow: every pixel, the profile and the resolution, as Pillow reads them."""

from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageCms

from tests.recipes.converting import run
from tests.recipes.test_images import encoded, opened

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(
    ("mode", "size"), [("L", (1201, 501)), ("LA", (601, 700)), ("RGB", (3001, 301)), ("RGBA", (501, 903))]
)
def test_every_pixel_of_a_large_picture(client: httpx.Client, tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    """Noise of every value in every channel, over several bands of rows, comes back as it was."""
    channels = [Image.effect_noise(size, 90 + 20 * number) for number in range(len(mode))]
    picture = Image.merge(mode, channels) if len(mode) > 1 else channels[0]
    made = opened(run(client, tmp_path, encoded(picture, "TIFF"), "tiff", "png").output)
    assert (made.mode, made.size, made.tobytes() == picture.tobytes()) == (mode, size, True)


def test_what_goes_with_it(client: httpx.Client, tmp_path: Path) -> None:
    """The colour profile and the resolution of the source are in the PNG."""
    source = encoded(Image.new("RGB", (700, 700), "teal"), "TIFF", icc_profile=SRGB, dpi=(300, 150))
    made = opened(run(client, tmp_path, source, "tiff", "png").output)
    assert (made.info["icc_profile"], [round(value) for value in made.info["dpi"]]) == (SRGB, [300, 150])
