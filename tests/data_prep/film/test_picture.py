"""PNG and JPEG films that are not whole, or of a kind that nobody reads."""

import io
import struct
import zlib

import numpy as np
import pytest
from codestreams import END, jpeg, waves
from PIL import Image

from data_prep.datalist.pixels import incomplete
from data_prep.errors import FilmError
from data_prep.film import picture
from data_prep.film.picture import read_mask_picture, read_picture

GREY = waves(64)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    rows: int = 64, *, cut: int | None = None, end: bool = True, damage: int | None = None
) -> bytes:
    """A PNG that says 64 rows; `cut`: bytes of its stream that are left; damage: one bit of it."""
    packed = zlib.compress(b"".join(b"\0" + GREY[row].tobytes() for row in range(rows)))[:cut]
    data = chunk(b"IDAT", packed)
    if damage is not None:
        at = damage % len(data)
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + data + (chunk(b"IEND", b"") if end else b"")


DAMAGED = {
    "half the rows": png(32),
    "half the rows and no end": png(32, end=False),
    "all rows but one": png(63),
    "no end": png(end=False),
    "half the stream, closed again": png(cut=1500),
    "no checksum of the stream": png(cut=-4),
    "one bit": png(damage=1000),
    "one bit of a checksum": png(damage=-2),
    "half the file": png()[:1500],
    "JPEG, a tenth": jpeg(GREY)[:700] + END,
    "JPEG, half": jpeg(GREY)[: len(jpeg(GREY)) // 2] + END,
    "JPEG, all but the last bytes": jpeg(GREY)[:-8] + END,
    "JPEG, no end mark": jpeg(GREY)[:-2],
    "progressive JPEG, nine tenths": jpeg(GREY, progressive=True)[:-300] + END,
    "JPEG, between restart markers": jpeg(GREY, restart_marker_rows=1).split(b"\xff\xd3")[0] + END,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_picture_that_is_not_whole_is_refused(name):
    for read in (read_picture, read_mask_picture):
        with pytest.raises(FilmError, match="cannot be decoded"):
            read(DAMAGED[name])


MODES = ("1", "L", "P", "LA", "I;16", "RGB", "RGBA")


@pytest.mark.parametrize("mode", MODES)
def test_a_whole_picture_of_any_kind_is_read(mode):
    file = io.BytesIO()
    Image.fromarray(GREY).convert(mode).save(file, "PNG")
    assert not incomplete(file.getvalue())
    read_picture(file.getvalue())
    assert incomplete(file.getvalue()[:-1]) and incomplete(file.getvalue()[:60])


def test_interlaced_rows_are_counted_by_their_passes():
    """Adam7 (PNG 8.1), written here by hand, for Pillow only reads it."""
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    rows = []
    for x, y, dx, dy in [*starts, (0, 1, 1, 2)]:
        rows += [b"\0" + row.tobytes() for row in GREY[y:61:dy, x:59:dx]]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 59, 61, 8, 0, 0, 0, 1))

    def picture(rows):
        packed = chunk(b"IDAT", zlib.compress(b"".join(rows)))
        return b"\x89PNG\r\n\x1a\n" + head + packed + chunk(b"IEND", b"")

    film = read_picture(picture(rows))
    np.testing.assert_allclose(film.image * 255, GREY[:61, :59], atol=0.01)
    with pytest.raises(FilmError):
        read_picture(picture(rows[:-1]))


def test_jpegs_with_restart_markers_several_scans_or_several_pictures_are_read():
    for options in ({"restart_marker_rows": 2}, {"progressive": True}, {"optimize": True}):
        assert np.abs(read_picture(jpeg(GREY, **options)).image * 255 - GREY).max() < 24
    read_picture(jpeg(GREY) + jpeg(GREY[:16, :16].copy()))  # a preview behind it


@pytest.mark.parametrize(
    ("marker", "bits", "said"),
    [
        (0xC1, 12, "a JPEG of 12 bits"),
        (0xC3, 16, "a JPEG of 16 bits"),
        (0xC3, 8, "a JPEG in a lossless or another rare kind"),
        (0xF7, 8, "a JPEG in a lossless or another rare kind"),
    ],
)
def test_a_jpeg_that_pillow_cannot_read_is_not_called_damaged(marker, bits, said):
    whole = jpeg(GREY)
    at = whole.index(b"\xff\xc0")
    changed = whole[:at] + bytes([0xFF, marker]) + whole[at + 2 : at + 4] + bytes([bits])
    with pytest.raises(FilmError) as error:
        read_picture(changed + whole[at + 5 :])
    assert said in error.value.reason and "DICOM" in error.value.remedy


def test_a_png_that_claims_rows_which_it_does_not_have_is_refused_before_they_are_made(monkeypatch):
    """Fifty million pixels take seconds; the rows that are there are counted in no time."""
    claim = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", 64, 1 << 20, 8, 2, 0, 0, 0)
    )
    packed = zlib.compress(b"".join(b"\0" + bytes(192) for _ in range(64)))
    monkeypatch.setattr(picture, "_grey", lambda _: pytest.fail("pixels were made"))
    with pytest.raises(FilmError, match="truncated or damaged"):
        read_picture(claim + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def saved(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


ELLIPSE = (np.hypot(*(np.mgrid[:64, :64] - 31)) < 12).astype(np.uint8) * 255


@pytest.mark.parametrize("ground", [0, 255])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_shines_through_is_no_lesion(mode, ground):
    grey = np.where(ELLIPSE > 0, 200, ground).astype(np.uint8)
    picture = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(ELLIPSE)])
    if mode == "P":
        data = saved(Image.fromarray(grey).convert("P"), transparency=ground)
    else:
        data = saved(picture.convert(mode))
    np.testing.assert_array_equal(read_mask_picture(data), ELLIPSE > 0)


def test_a_mask_as_jpeg_does_not_grow():
    found = read_mask_picture(saved(Image.fromarray(ELLIPSE), "JPEG", quality=75))
    np.testing.assert_array_equal(found, ELLIPSE > 0)
    empty = saved(Image.new("L", (64, 64)), "JPEG")
    assert not read_mask_picture(empty).any()


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_with_colours_or_transparency_are_refused(kind, channels):
    """Pillow keeps their upper eight bits alone."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    pixels = np.full((8, 8, channels), 200, ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", 8, 8, 16, kind, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
    data += chunk(b"IEND", b"")
    with pytest.raises(FilmError, match="16 bits with colours or transparency") as error:
        read_picture(data)
    assert "greyscale of 16 bits" in error.value.remedy
    with pytest.raises(FilmError, match="mask"):
        read_mask_picture(data)
