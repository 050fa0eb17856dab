"""The frame and the way back, on pictures of any shape with pixels of any shape."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_prep.frame.boxes import DIGITS, LesionBox, framed_boxes
from data_prep.frame.frame import WayBack
from data_prep.frame.framing import POLICIES, Framing
from data_prep.frame.turn import Turn

shapes = st.tuples(st.integers(4, 90), st.integers(4, 90))
spacings = st.one_of(
    st.just((1.0, 1.0)), st.tuples(*[st.floats(0.2, 1.0, allow_subnormal=False)] * 2)
)
framings = st.builds(Framing, st.sampled_from(POLICIES), st.integers(8, 96))
levels = st.integers(1, 255).map(lambda level: np.float32(level / 255))
turns = st.builds(Turn, st.booleans(), st.booleans(), st.booleans())
seeds = st.integers(0, 2**16)


def picture(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32)


def drawn_box(shape: tuple[int, int], data: st.DataObject) -> tuple[LesionBox, np.ndarray]:
    """A box of whole pixels, and the mask of them."""
    y, x = (data.draw(st.integers(0, n - 1)) for n in shape)
    h, w = (data.draw(st.integers(1, n - at)) for n, at in zip(shape, (y, x), strict=True))
    mask = np.zeros(shape, bool)
    mask[y : y + h, x : x + w] = True
    return LesionBox(x, y, w, h, "a"), mask


@given(framings, shapes, spacings)
def test_the_box_is_a_square_of_anatomy_that_its_policy_allows(framing, shape, spacing):
    left, top, right, bottom = framing.box(shape, spacing)
    if framing.policy == "none":
        assert (left, top, right, bottom) == (0, 0, shape[1], shape[0])
        return
    np.testing.assert_allclose((right - left) * spacing[1], (bottom - top) * spacing[0])
    if framing.policy == "square":
        assert left <= 1e-6 and top <= 1e-6
        assert right >= shape[1] - 1e-6 and bottom >= shape[0] - 1e-6
    else:
        assert left >= 0 and top >= 0 and right <= shape[1] and bottom <= shape[0]


@given(framings, shapes, spacings, levels)
def test_a_constant_picture_stays_constant_wherever_the_frame_shows_it(
    framing, shape, spacing, level
):
    """An edge has no share of what is outside, unless the frame itself reaches there."""
    framed = framing.image(np.full(shape, level, np.float32), spacing)
    assert framed.shape == (framing.size, framing.size) and framed.dtype == np.float32
    assert framed.min() >= 0 and framed.max() <= level * (1 + 1e-6)
    if framing.policy != "square":
        np.testing.assert_allclose(framed, level, rtol=1e-6)
    filled = framing.image(np.full(shape, level, np.float32), spacing, fill=level)
    np.testing.assert_allclose(filled, level, rtol=1e-6)


@given(framings, shapes, spacings, levels)
def test_the_way_back_of_a_constant_frame_is_constant_where_the_frame_reached(
    framing, shape, spacing, level
):
    left, top, right, bottom = framing.box(shape, spacing)
    restored = framing.restored(np.full((framing.size,) * 2, level, np.float32), shape, spacing)
    assert restored.shape == shape and restored.dtype == np.float32
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    inside = (rows >= top) & (rows + 1 <= bottom) & (columns >= left) & (columns + 1 <= right)
    outside = (rows + 1 <= top - 1) | (rows >= bottom + 1) | (columns + 1 <= left - 1)
    outside = outside | (columns >= right + 1)
    np.testing.assert_allclose(restored[inside], level, rtol=1e-6)
    assert (restored[outside] == 0).all()


@given(framings, shapes, spacings)
def test_a_place_in_the_frame_is_the_place_in_the_picture(framing, shape, spacing):
    """Each pixel of a ramp says where it is: where the filter is whole, to a seventh of it."""
    left, top, right, bottom = framing.box(shape, spacing)
    steps = (bottom - top) / framing.size, (right - left) / framing.size
    at = np.arange(framing.size) + 0.5
    places = top + at * steps[0], left + at * steps[1]
    reach = [max(step, 1.0) for step in steps]
    whole = [
        (place >= r) & (place <= n - r) for place, r, n in zip(places, reach, shape, strict=True)
    ]
    for axis, ramp in enumerate(np.mgrid[: shape[0], : shape[1]] + 0.5):
        found = framing.image(ramp.astype(np.float32), spacing)[np.ix_(*whole)]
        expected = places[axis][whole[axis]]
        expected = expected[:, None] if axis == 0 else expected[None]
        assert np.abs(found - expected).max(initial=0) < reach[axis] / 7


@given(framings, shapes, spacings, seeds)
def test_a_mask_and_the_image_of_it_lie_in_the_same_frame(framing, shape, spacing, seed):
    mask = picture(shape, seed) > 0.5
    framed = framing.mask(mask, spacing)
    covered = framing.covered(shape, spacing)
    assert framed.dtype == bool and framed.shape == (framing.size, framing.size)
    assert covered is None or not (framed & ~covered).any()
    if framing.policy != "square":
        assert covered is None or covered.all()


@given(framings, shapes, spacings, st.data())
def test_a_box_frames_what_the_frame_shows_of_its_pixels(framing, shape, spacing, data):
    drawn, mask = drawn_box(shape, data)
    boxes = framed_boxes([drawn], framing, shape, spacing, least=0)
    framed = framing.mask(mask, spacing)
    centres = np.arange(framing.size) + 0.5
    if not boxes:
        assert not framed.any()
        return
    ((x, y, w, h, label),) = boxes
    assert label == "a" and min(x, y, w, h) >= 0
    assert max(x + w, y + h) <= framing.size + 10**-DIGITS
    room = 10**-DIGITS
    inside = ((centres > y + room) & (centres < y + h - room))[:, None] & (
        (centres > x + room) & (centres < x + w - room)
    )[None]
    outside = ((centres < y - room) | (centres > y + h + room))[:, None] | (
        (centres < x - room) | (centres > x + w + room)
    )[None]
    assert framed[inside].all() and not framed[outside].any()


@given(turns, shapes, seeds)
def test_a_turn_and_its_way_back_give_the_picture(turn, shape, seed):
    values = picture(shape, seed)
    turned = turn(values)
    assert turned.shape == turn.pair(shape)
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(turn.back(turned), values)
    np.testing.assert_array_equal(turn(turn.back(turned)), turned)


def test_the_eight_turns_are_eight():
    values = np.arange(6).reshape(2, 3)
    turns = [Turn(*(bool(k & bit) for bit in (1, 2, 4))) for k in range(8)]
    found = {(turn(values).shape, turn(values).tobytes()) for turn in turns}
    assert len(found) == 8


@given(turns, shapes, st.data())
def test_a_box_turns_with_its_pixels(turn, shape, data):
    drawn, mask = drawn_box(shape, data)
    (box,) = turn.boxes([drawn], shape)
    turned = np.zeros(turn.pair(shape), bool)
    turned[int(box.y) : int(box.y + box.h), int(box.x) : int(box.x + box.w)] = True
    np.testing.assert_array_equal(turned, turn(mask))
    assert (box.height, box.width) == turned.shape and box.label == "a"


@given(framings, turns, shapes, spacings, st.data())
def test_the_way_back_puts_a_map_into_its_field_of_the_picture_before_the_turn(
    framing, turn, shape, spacing, data
):
    bounds = [sorted(data.draw(st.tuples(st.integers(0, n - 4), st.integers(4, n)))) for n in shape]
    rows, columns = (slice(a, max(b, a + 4)) for a, b in bounds)
    back = WayBack(framing, shape, (rows, columns), spacing, turn)
    values = picture((framing.size, framing.size))
    restored = back(values)
    assert restored.shape == turn.back(np.zeros(shape)).shape and restored.dtype == np.float32
    turned = turn(restored)
    part = (rows.stop - rows.start, columns.stop - columns.start)
    np.testing.assert_array_equal(turned[rows, columns], framing.restored(values, part, spacing))
    turned = turned.copy()
    turned[rows, columns] = 0
    assert not turned.any()


@given(shapes, st.integers(1, 4), seeds)
def test_a_frame_of_the_pictures_own_grid_comes_back_to_the_bit(shape, times, seed):
    side = max(8, shape[0])
    values = picture((side, side), seed)
    framing = replace(Framing("none"), size=side)
    np.testing.assert_array_equal(framing.image(values), values)
    np.testing.assert_array_equal(framing.restored(values, (side, side)), values)
