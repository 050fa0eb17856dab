"""One contract, the same for every detector of the registry."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from tiny_detectors import BLIND, TINY
from torch.testing import assert_close

from data_prep.phantom.anatomy import Anatomy, Lesion
from data_prep.phantom.film import film
from healthygan_monai.baselines.base import NotFitted
from healthygan_monai.baselines.registry import DETECTORS, load_detector, make_detector

SIZE = 64


@dataclass(frozen=True)
class Films:
    """Phantom films (n, 1, 64, 64) in [-1, 1]; ``diseased``: those of ``test`` with a lesion."""

    healthy: torch.Tensor
    mixed: torch.Tensor
    test: torch.Tensor
    diseased: torch.Tensor


@pytest.fixture(scope="module")
def films() -> Films:
    def draw(seed: int, diseased: bool) -> torch.Tensor:
        rng = np.random.default_rng(seed)
        anatomy, lesion = Anatomy.draw(rng), Lesion.draw(rng)
        image, _ = film(rng, SIZE, lesion if diseased else None, anatomy)
        return torch.from_numpy(image)[None] * 2 - 1

    def stack(first: int, count: int, diseased: bool) -> torch.Tensor:
        return torch.stack([draw(first + i, diseased) for i in range(count)])

    mixed = torch.cat([stack(100, 8, False), stack(200, 8, True)])
    return Films(stack(0, 24, False), mixed, stack(300, 12, False), stack(300, 12, True))


def new(name: str):
    return DETECTORS[name](**TINY[name])


def fit(name: str, films: Films, seed: int = 0):
    detector = new(name)
    mixed = (lambda: films.mixed.split(4)) if detector.needs_mixed else None
    detector.fit(lambda: films.healthy.split(4), mixed, seed=seed)
    return detector


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def fitted(request, films) -> Iterator:
    yield fit(request.param, films)


@pytest.fixture(params=sorted(DETECTORS))
def name(request) -> str:
    return request.param


def test_every_detector_of_the_registry_is_held_to_the_contract():
    for name, detector in DETECTORS.items():
        assert name == detector.name
        assert detector.title and detector.reference and detector.scores_by
        assert ("weights" in inspect.signature(detector).parameters) == detector.has_backbone


def test_scores_are_finite_one_an_image_and_leave_the_images_alone(fitted, films):
    images = films.test.clone()
    scores = fitted.score(images)
    assert scores.shape == (len(images),) and scores.dtype == torch.float32
    assert torch.isfinite(scores).all() and not scores.requires_grad
    assert torch.equal(images, films.test)


def test_scores_tell_images_apart(fitted, films):
    assert fitted.score(films.test).std() > 0


def test_a_score_depends_neither_on_the_batch_nor_on_the_order(fitted, films):
    together = fitted.score(films.test)
    alone = torch.cat([fitted.score(image[None]) for image in films.test])
    order = torch.randperm(len(films.test), generator=torch.Generator().manual_seed(1))
    assert_close(alone, together, rtol=1e-4, atol=1e-5)
    assert_close(fitted.score(films.test[order]), together[order], rtol=1e-4, atol=1e-5)


def test_scoring_twice_gives_the_same_numbers(fitted, films):
    assert torch.equal(fitted.score(films.test), fitted.score(films.test))


def test_a_map_has_the_images_size_or_there_is_none_and_that_is_said(fitted, films):
    if not fitted.has_map:
        with pytest.raises(NotImplementedError, match=fitted.name):
            fitted.anomaly_map(films.test)
        return
    maps = fitted.anomaly_map(films.test)
    assert maps.shape == (len(films.test), 1, SIZE, SIZE) and torch.isfinite(maps).all()
    alone = fitted.anomaly_map(films.test[:1])
    assert_close(maps[:1], alone, rtol=1e-4, atol=1e-5)


def test_a_detector_knows_its_images_and_the_options_that_make_it_again(fitted, films):
    assert (fitted.image_shape, fitted.image_size, fitted.image_channels) == ((1, 64, 64), 64, 1)
    assert (fitted.backbone_label != "") == fitted.has_backbone
    options = fitted.options(len(films.healthy), (1, SIZE, SIZE))
    assert sorted(options) == sorted(fitted.known_options())
    weights = "random" if fitted.has_backbone else None
    again = make_detector(fitted.name, options, weights)
    assert again.options(len(films.healthy), (1, SIZE, SIZE)) == options


def test_a_planted_lesion_raises_the_score(fitted, films):
    if fitted.name in BLIND:
        pytest.skip(BLIND[fitted.name])
    higher = fitted.score(films.diseased) > fitted.score(films.test)
    assert higher.float().mean() >= 0.75


def test_the_map_is_higher_where_the_lesion_was_planted(fitted, films):
    if not fitted.has_map:
        pytest.skip("no map")
    if fitted.name in BLIND:
        pytest.skip(BLIND[fitted.name])
    lesion = (films.diseased - films.test).abs() > 0.3
    change = fitted.anomaly_map(films.diseased) - fitted.anomaly_map(films.test)
    assert change[lesion].mean() > change[~lesion].mean()


def test_what_is_saved_scores_exactly_as_before(fitted, films, tmp_path):
    path = tmp_path / "detector.pt"
    fitted.save(path)
    expected = fitted.score(films.test)
    torch.load(path, weights_only=True)
    assert torch.equal(load_detector(path).score(films.test), expected)
    other = new(fitted.name)
    other.load(path)
    assert torch.equal(other.score(films.test), expected)
    assert other.facts() == fitted.facts()
    if fitted.has_map:
        assert torch.equal(other.anomaly_map(films.test), fitted.anomaly_map(films.test))


def test_the_same_seed_gives_the_same_detector_whatever_is_drawn_elsewhere(fitted, films):
    torch.manual_seed(5)
    np.random.seed(5)
    before, numpys = torch.get_rng_state(), np.random.get_state()[1].tolist()
    again = fit(fitted.name, films)
    assert torch.equal(torch.get_rng_state(), before), "fit drew from the global generator"
    assert np.random.get_state()[1].tolist() == numpys, "fit drew from NumPy's global generator"
    assert torch.equal(again.score(films.test), fitted.score(films.test))


def test_facts_can_be_written_as_json_and_name_random_weights(fitted):
    facts = json.loads(json.dumps(fitted.facts()))
    if "backbone" in facts:
        assert facts["backbone"].endswith("[random]") and facts["weights"].startswith("random")


def test_images_of_other_channels_or_size_or_range_are_refused(fitted, films):
    with pytest.raises(ValueError, match="3"):
        fitted.score(films.test.expand(-1, 3, -1, -1))
    with pytest.raises(ValueError, match="2"):
        fitted.score(films.test.expand(-1, 2, -1, -1))
    with pytest.raises(ValueError, match="32"):
        fitted.score(films.test[..., :32, :32])
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        fitted.score(films.test * 3 + 2)
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        fitted.score(torch.full_like(films.test, torch.nan))
    with pytest.raises(ValueError, match="empty"):
        fitted.score(films.test[:0])


def test_before_it_is_fitted_a_detector_neither_scores_nor_is_saved(name, films, tmp_path):
    with pytest.raises(NotFitted, match=name):
        new(name).score(films.test)
    if DETECTORS[name].has_map:
        with pytest.raises(NotFitted, match=name):
            new(name).anomaly_map(films.test)
    with pytest.raises(NotFitted, match=name):
        new(name).save(tmp_path / "detector.pt")
    assert not list(tmp_path.iterdir())


def test_a_set_without_images_is_refused_and_named(name, films):
    detector = new(name)
    with pytest.raises(ValueError, match="healthy"):
        detector.fit(lambda: [], lambda: films.mixed.split(4))
    if detector.needs_mixed:
        with pytest.raises(ValueError, match="mixed"):
            detector.fit(lambda: films.healthy.split(4), lambda: [])
        with pytest.raises(ValueError, match="mixed"):
            detector.fit(lambda: films.healthy.split(4))


def test_images_of_several_sizes_are_refused(name, films):
    batches = [films.healthy[:4], films.healthy[4:8, :, :32, :32]]
    with pytest.raises(ValueError, match="32"):
        new(name).fit(lambda: batches, lambda: films.mixed.split(4))


def test_a_file_of_another_method_is_refused(films, tmp_path):
    fit("mean-intensity", films).save(tmp_path / "mean.pt")
    with pytest.raises(ValueError, match="holds mean-intensity; expected distance-to-mean"):
        new("distance-to-mean").load(tmp_path / "mean.pt")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="no detector"):
        load_detector(tmp_path / "weights.pt")
    torch.save({"method": "crystal-ball"}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="crystal-ball"):
        load_detector(tmp_path / "other.pt")
