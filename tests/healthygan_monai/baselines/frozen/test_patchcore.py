"""PatchCore: its coreset against brute force, its patches and scores against their formulas."""

import numpy as np
import pytest
import torch
from tiny_detectors import generator, noisy
from torch.testing import assert_close

from healthygan_monai.baselines.frozen.base import heat_map
from healthygan_monai.baselines.frozen.coreset import Reservoir, greedy_coreset, project
from healthygan_monai.baselines.frozen.neighbours import nearest_neighbour, neighbour_weight
from healthygan_monai.baselines.frozen.patchcore import PatchCore

IMAGES = noisy(6, 1, 48, 48)


def fit(backbone, batch: int = 4, **settings) -> PatchCore:
    detector = PatchCore(backbone, **settings)
    detector.fit(lambda: IMAGES.split(batch))
    return detector


def brute_force(points: np.ndarray, size: int, starts: list[int]) -> list[int]:
    """Greedy choice from the whole N x N matrix of distances."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    nearest, chosen = distances[:, starts].mean(1), []
    for _ in range(size):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, distances[chosen[-1]])
    return chosen


@pytest.mark.parametrize("starting_points", [1, 10])
def test_the_coreset_is_the_brute_force_greedy_choice(starting_points):
    points = torch.randn(120, 7, generator=generator()) + 50
    starts = torch.randperm(120, generator=generator(3))[:starting_points].tolist()
    chosen = greedy_coreset(points, 40, generator(3), starting_points)
    assert chosen.tolist() == brute_force(points.double().numpy(), 40, starts)


def test_the_coreset_covers_within_twice_the_best_radius():
    points = torch.randn(12, 2, generator=generator(1)).double()
    distances = torch.cdist(points, points)
    from itertools import combinations

    best = min(distances[list(c)].amin(0).max().item() for c in combinations(range(12), 3))
    chosen = greedy_coreset(points, 3, generator(2), 1)
    assert distances[chosen].amin(0).max().item() <= 2 * best + 1e-9


def test_equal_points_are_each_taken_once():
    chosen = greedy_coreset(torch.ones(8, 3), 8, generator())
    assert sorted(chosen.tolist()) == list(range(8))


def test_a_coreset_larger_than_the_set_is_refused():
    with pytest.raises(ValueError, match="9 of 8"):
        greedy_coreset(torch.ones(8, 3), 9, generator())


def test_a_random_projection_keeps_distances_nearly():
    points = torch.randn(60, 2000, generator=generator())
    ratio = torch.pdist(project(points, 128, generator(1))) / torch.pdist(points)
    assert abs(ratio.mean() - 1) < 0.05 and ratio.min() > 0.7 and ratio.max() < 1.3
    assert (
        project(points, 0, generator()) is points and project(points, 4000, generator()) is points
    )


def test_a_reservoir_that_is_large_enough_holds_the_stream_itself():
    stream = torch.arange(30.0).view(15, 2)
    reservoir = Reservoir(20, generator())
    for part in stream.split(4):
        reservoir.add(part)
    assert torch.equal(reservoir.sample(), stream)


def test_a_reservoir_takes_every_vector_with_the_same_probability_and_none_twice():
    counts = torch.zeros(40)
    for seed in range(2000):
        reservoir = Reservoir(10, generator(seed))
        for part in torch.arange(40.0).view(40, 1).split(7):
            reservoir.add(part)
        kept = reservoir.sample()[:, 0].long()
        assert len(set(kept.tolist())) == 10
        counts[kept] += 1
    # binomial(2000, 1/4): standard deviation 19
    assert (counts - 500).abs().max() < 85


def test_patches_are_the_authors_unfolded_pooled_and_joined(backbone):
    """In the authors' order, written out for one patch: enlarge the 3 x 3 patches, then pool."""
    detector = PatchCore(backbone, dimension=32)
    found = detector.embed(IMAGES)
    levels = []
    for level in backbone(IMAGES)[1:]:
        entries = torch.nn.functional.unfold(level, 3, padding=1)
        entries = entries.unflatten(2, level.shape[-2:])
        entries = torch.nn.functional.interpolate(entries, (6, 6), mode="bilinear")
        levels.append(entries[2, :, 4, 1])  # image 2, row 4, column 1: (9 c,)
    pooled = torch.cat([torch.nn.functional.adaptive_avg_pool1d(v[None], 32)[0] for v in levels])
    assert_close(found[2, 4 * 6 + 1], pooled.view(32, 2).mean(1), rtol=1e-4, atol=1e-5)


def test_mean_patches_are_average_pooled_and_concatenated(backbone):
    detector = PatchCore(backbone, patches="mean")
    found = detector.embed(IMAGES)
    second = torch.nn.functional.avg_pool2d(backbone(IMAGES)[1], 3, 1, 1)
    assert found.shape == (6, 36, 384)
    assert_close(found[:, :, :128], second.flatten(2).transpose(1, 2))


def test_eq6_and_the_map_against_all_distances(backbone):
    detector = fit(backbone, dimension=32, share=0.3)
    tested = noisy(3, 1, 48, 48, seed=5)
    vectors = detector.embed(tested)
    nearest = (vectors[:, :, None] - detector.bank).norm(dim=3).amin(2)  # (3, 36)
    assert_close(detector.score(tested), nearest.amax(1))
    assert_close(detector.anomaly_map(tested), heat_map(nearest.view(3, 1, 6, 6), (48, 48)))


def test_eq7_against_its_formula(backbone):
    detector = fit(backbone, dimension=32, share=0.3, neighbours=4)
    tested = noisy(1, 1, 48, 48, seed=5)
    vectors, bank = detector.embed(tested)[0].double(), detector.bank.double()
    distances = torch.cdist(vectors, bank)
    patch = int(distances.amin(1).argmax())
    closest = int(distances[patch].argmin())
    support = torch.cdist(bank[closest][None], bank)[0].topk(4, largest=False).indices
    assert closest in support
    star = distances[patch, closest]
    weight = 1 - star.exp() / distances[patch, support].exp().sum()
    assert_close(detector.score(tested)[0].double(), weight * star, rtol=1e-4, atol=1e-6)


def test_eq7_raises_the_score_of_a_patch_whose_neighbour_lies_alone():
    """Where m* and its neighbours are equally far the factor is 1 - 1/b; else it is larger."""
    square = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    nearest = torch.tensor([0])
    assert_close(neighbour_weight(torch.zeros(1, 2), nearest, square, 4), torch.tensor([0.75]))
    spread = torch.tensor([[1.0, 0], [-5, 0], [0, 5], [0, -5]])
    assert neighbour_weight(torch.zeros(1, 2), nearest, spread, 4) > 0.9


@pytest.mark.parametrize("search", ["auto", "sklearn", "torch", "faiss"])
def test_every_library_finds_the_same_neighbours(search):
    if search == "faiss":
        pytest.importorskip("faiss")
    bank = torch.randn(300, 16, generator=generator())
    vectors = torch.cat([bank[:5], torch.randn(1500, 16, generator=generator(1))])
    distances, index = nearest_neighbour(vectors, bank, search)
    expected = torch.cdist(vectors.double(), bank.double()).min(1)
    assert torch.equal(index, expected.indices)
    assert_close(distances.double(), expected.values, rtol=1e-5, atol=1e-6)
    assert distances[:5].abs().max() == 0


def test_a_healthy_image_of_the_fit_scores_zero_when_every_patch_is_remembered(backbone):
    detector = fit(backbone, dimension=32, share=1.0)
    assert len(detector.bank) == 6 * 36
    assert detector.score(IMAGES).max() < 1e-3


def test_candidates_are_bounded_and_counted(backbone):
    detector = fit(backbone, dimension=32, pool=50)
    facts = detector.facts()
    assert (facts["patches_seen"], facts["candidates"], facts["remembered"]) == (216, 50, 5)


def test_how_images_are_batched_does_not_change_what_is_remembered(backbone):
    one, four, six = (fit(backbone, size, dimension=32, pool=50).bank for size in (1, 4, 6))
    assert_close(one, four, rtol=1e-4, atol=1e-5)
    assert_close(one, six, rtol=1e-4, atol=1e-5)


def test_published_numbers_are_the_defaults():
    detector = PatchCore("wide_resnet50_2", "random")
    assert (detector.dimension, detector.share, detector.projection) == (1024, 0.1, 128)
    assert (detector.starting_points, detector.neighbours, detector.patches) == (10, 0, "unfold")


def test_settings_that_cannot_be_meant_are_refused(backbone):
    with pytest.raises(ValueError, match="'fold'; expected one of unfold, mean"):
        PatchCore(backbone, patches="fold")
    with pytest.raises(ValueError, match="share 0"):
        PatchCore(backbone, share=0)
