"""Quality strips and the table of outliers: what stands out is what was planted."""

import io
from pathlib import Path

import numpy as np
import pytest
from heads import as_volume, phantom, save, save_template
from jinja2 import Environment, meta
from PIL import Image

from data_prep.brain import quality, quality_strip
from data_prep.brain.chain import Head
from data_prep.brain.options import BrainOptions
from data_prep.brain.registration import measure
from data_prep.brain.template import load_template
from data_prep.outcome import Outcome, WrittenImage
from data_prep.output.report import PAGE, template
from data_prep.phantom.brains import NOISE, WHITE

HEAD = phantom(33)


def outcome(number: int, **facts: float) -> Outcome:
    subject = f"sub-{number:02d}"
    image = WrittenImage(f"images/{subject}/01_090.png", subject, "01", 90)
    usual = {
        "registration_ncc": 0.75 + 0.002 * (number % 5),
        "brain_ml": 1400.0 + 10 * (number % 7),
    }
    details = {**usual, **facts, "qc": f"qc/{subject}/01.png"}
    return Outcome("written", f"{subject}.nii", images=(image,), details=details)


def test_heads_with_a_poor_match_or_an_odd_brain_come_first():
    heads = [outcome(n) for n in range(20)]
    heads += [outcome(20, registration_ncc=0.5), outcome(21, brain_ml=2100.0)]
    rows = quality.table(heads)
    assert {row["subject"] for row in rows[:2]} == {"sub-20", "sub-21"}
    assert [row["odd"] for row in rows if row["odd"]] == [rows[0]["odd"], rows[1]["odd"]]
    assert not any(
        row["odd"] for row in quality.table([*heads[:20], outcome(22, registration_ncc=0.99)])
    )


def test_few_or_equal_heads_have_no_outliers():
    assert not any(row["odd"] for row in quality.table([outcome(1), outcome(2, brain_ml=9999)]))
    assert quality.robust_z([5.0] * 9) == [0.0] * 9
    assert max(quality.robust_z([5.0] * 9 + [5.001])) < quality.ODD


def test_the_robust_z_is_that_of_a_normal_distribution():
    values = np.random.default_rng(0).normal(10, 2, 20_000)
    z = np.array(quality.robust_z(values.tolist()))
    np.testing.assert_allclose(z, (values - 10) / 2, atol=0.15)


def test_skipped_and_brainless_heads_are_no_rows():
    skipped = Outcome("skipped", "a.nii", "registration failed")
    bare = Outcome("written", "b.nii", images=outcome(1).images, details={})
    assert quality.table([skipped, bare]) == []


def test_signal_to_noise_finds_the_planted_noise():
    found = quality.signal_to_noise(as_volume(HEAD.image), HEAD.brain)
    assert found == pytest.approx(WHITE / NOISE, rel=0.25)
    noisy = HEAD.image + np.random.default_rng(0).normal(0, 3 * NOISE, HEAD.image.shape)
    assert quality.signal_to_noise(as_volume(noisy), HEAD.brain) < found / 2
    assert quality.signal_to_noise(as_volume(HEAD.image), np.zeros_like(HEAD.brain)) is None


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Head, BrainOptions]:
    """The phantom laid onto its own template without a search."""
    path = save_template(tmp_path_factory.mktemp("template"), seed=33)
    template = load_template(path)
    volume = as_volume(HEAD.image)
    options = BrainOptions(brain="stripped", mni=True, template=str(path), spacing=2.5)
    found = measure(volume, HEAD.brain, template, np.eye(4))
    from data_prep.brain.chain import resample

    head = Head(
        volume, brain=HEAD.brain, native=volume, native_brain=HEAD.brain, registration=found
    )
    return resample(head, options), options


def drawn(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def test_a_strip_has_the_outline_of_the_mask_and_the_edges_of_the_template(registered):
    head, options = registered
    first = quality_strip.strip(head, options)
    assert first == quality_strip.strip(head, options)  # the same head, the same bytes
    pixels = drawn(first)
    tile = quality_strip.TILE + quality_strip.GAP
    assert pixels.shape[:2] == (2 * tile + quality_strip.GAP, 7 * tile + quality_strip.GAP)
    for row, colour in enumerate((quality_strip.MASK, quality_strip.EDGES)):
        here = pixels[row * tile : (row + 1) * tile]
        for column in range(7):
            part = here[:, column * tile : (column + 1) * tile]
            assert 40 < (part == colour).all(axis=-1).sum() < 4000, (row, column)
    bare = Head(head.native or head.volume, brain=HEAD.brain)
    assert drawn(quality_strip.strip(bare, options)).shape[0] == tile + quality_strip.GAP


def test_a_strip_shows_no_face():
    """The eyes of the phantom lie in front of its brain; they must not be in the picture."""
    # all but the brain shines
    head = Head(as_volume(np.where(HEAD.brain, 0, 200)), brain=HEAD.brain)
    shown = quality_strip._faceless(head.volume, HEAD.brain).data > 0
    front = int(np.argwhere(HEAD.brain)[:, 1].max())
    assert shown.any() and not shown[:, front + 7 :].any()  # 7 voxels are 17 mm


def test_the_section_embeds_strips_and_lists_rejected_heads(registered, tmp_path):
    head, options = registered
    for number in range(10):
        path = tmp_path / f"qc/sub-{number:02d}/01.png"
        path.parent.mkdir(parents=True)
        path.write_bytes(quality_strip.strip(head, options))
    heads = [outcome(n) for n in range(9)]
    heads[3] = outcome(3, registration_ncc=0.3)
    told = quality.section(heads, tmp_path)
    assert told["strips"][0]["title"] == "sub-09 01: skipped"  # a strip without images
    assert told["strips"][1]["title"].startswith("sub-03 01: correlation")
    assert told["odd_count"] == 1 and told["skipped"] == 1
    names = meta.find_undeclared_variables(Environment().parse(PAGE.read_text("utf-8")))
    nothing = dict.fromkeys(names, ())
    text = template(PAGE).render({**nothing, "brain": told})
    assert text.count("data:image/png;base64,") == 10 and "0.300 (z" in text
    assert "Brains and registration" not in template(PAGE).render(nothing)
    (tmp_path / "qc/sub-09/01.png").unlink()
    assert quality.section(heads, tmp_path)["skipped"] == 0


def test_films_have_no_section(tmp_path: Path):
    film = Outcome("written", "a.dcm", images=outcome(1).images, details={"view": "PA"})
    assert quality.section([film], tmp_path) == {}


def test_a_head_that_is_saved_and_read_keeps_its_noise(tmp_path: Path):
    from data_prep.read.volume.open_volume import read_volume

    volume = read_volume(save(tmp_path / "a.nii", HEAD.image))
    assert quality.signal_to_noise(volume, HEAD.brain) == pytest.approx(
        quality.signal_to_noise(as_volume(HEAD.image), HEAD.brain)
    )
