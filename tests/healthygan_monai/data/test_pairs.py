"""The two streams: unlabelled, reproducible, complete."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch
from monai.data import DataLoader
from monai.transforms import Compose, RandScaleIntensityd, Transform
from tiny import write_dataset

from data_prep.datalist import DataError, read, write
from healthygan_monai.data import (
    MixedHealthyPairs,
    StreamBatches,
    image_transforms,
    labelled_items,
    load_dataset,
    selection_items,
    training_items,
)
from healthygan_monai.data.pairs import FLIP
from healthygan_monai.pretrained.augmentation import view

MIXED = [{"image": float(i), "label": 1, "subject": f"m{i}"} for i in range(7)]
HEALTHY = [{"image": float(100 + i)} for i in range(5)]


def as_tensor(item):
    return {"image": torch.full((1, 1, 1), item["image"])}


def numbers(length: int = 200, seed: int = 0) -> MixedHealthyPairs:
    """Pairs of one-pixel images that carry their own number."""
    return MixedHealthyPairs(MIXED, HEALTHY, as_tensor, length, seed)


def films(tiny_data, **options) -> MixedHealthyPairs:
    data = read(tiny_data)
    settings = {"length": 64, "seed": 1, "flip_prob": 0.5, **options}
    return MixedHealthyPairs(
        training_items(data, "training_mixed"),
        training_items(data, "training_healthy"),
        image_transforms(32),
        **settings,
    )


def same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


class TestContent:
    def test_an_item_holds_two_images_and_a_weight_and_no_label(self, tiny_data):
        item = films(tiny_data)[0]
        assert set(item) == {"mixed", "healthy", "alpha", "views"}
        assert item["mixed"].shape == item["healthy"].shape == (1, 32, 32)
        assert item["alpha"].shape == (1, 1, 1)

    def test_not_even_a_label_that_a_caller_leaves_in_reaches_the_images(self):
        seen = []
        pairs = MixedHealthyPairs(
            MIXED, HEALTHY, lambda item: seen.append(set(item)) or as_tensor(item), 9
        )
        pairs[0]
        assert seen and all(keys == {"image"} for keys in seen)

    def test_items_of_the_data_set_carry_an_image_and_nothing_else(self, tiny_data):
        data = read(tiny_data)
        for section in ("training_mixed", "training_healthy"):
            assert {frozenset(i) for i in training_items(data, section)} == {frozenset({"image"})}

    def test_mixed_comes_from_the_mixed_set_and_healthy_from_the_healthy_one(self):
        pairs = numbers(60)
        assert {float(p["mixed"]) for p in pairs} == {i["image"] for i in MIXED}
        assert {float(p["healthy"]) for p in pairs} == {i["image"] for i in HEALTHY}

    @pytest.mark.parametrize(("sets", "name"), [(([], HEALTHY), "mixed"), ((MIXED, []), "healthy")])
    def test_an_empty_set_is_refused_by_name(self, sets, name):
        with pytest.raises(ValueError, match=f"training_{name} is empty"):
            MixedHealthyPairs(*sets, as_tensor, 10)


class TestOrder:
    @pytest.mark.parametrize(("key", "count"), [("mixed", 7), ("healthy", 5)])
    def test_every_image_comes_once_in_each_pass_through_its_set(self, key, count):
        stream = [float(p[key]) for p in numbers(10 * count)]
        for i in range(10):
            passed = Counter(stream[i * count : (i + 1) * count])
            assert len(passed) == count and set(passed.values()) == {1}

    def test_passes_have_different_orders(self):
        stream = [float(p["mixed"]) for p in numbers(70)]
        assert len({tuple(stream[i : i + 7]) for i in range(0, 70, 7)}) > 5

    def test_the_sets_are_drawn_independently(self):
        """The published code pairs the same images over and over; 25 pairs are possible here."""
        stream = MixedHealthyPairs(MIXED[:5], HEALTHY, as_tensor, 400)
        pairs = Counter((float(p["mixed"]), float(p["healthy"])) for p in stream)
        assert len(pairs) == 25
        assert max(pairs.values()) < 40

    def test_pair_k_depends_on_the_seed_and_on_k_only(self, tiny_data):
        forwards, backwards = films(tiny_data), films(tiny_data, cache_rate=0.0)
        seen = {k: forwards[k] for k in range(64)}
        torch.manual_seed(99)
        for k in reversed(range(64)):
            assert same(backwards[k], seen[k]), k
        other = films(tiny_data, seed=2)
        assert sum(same(other[k], seen[k]) for k in range(64)) == 0

    def test_the_length_of_the_stream_changes_nothing(self):
        assert all(same(numbers(50)[k], numbers(200)[k]) for k in range(50))

    @pytest.mark.parametrize(("length", "before", "after"), [(5, 0, 10), (50, 12, 12)])
    def test_images_are_read_in_advance_only_where_they_come_again(self, length, before, after):
        seen = []

        class Read(Transform):
            def __call__(self, data):
                return seen.append(data["image"]) or as_tensor(data)

        pairs = MixedHealthyPairs(MIXED, HEALTHY, Compose([Read()]), length)
        assert len(seen) == before
        assert len([pairs[k] for k in range(length)]) == length
        assert len(seen) == after

    def test_flips_of_an_image_vary_from_pass_to_pass(self, tiny_data):
        pairs = films(tiny_data, length=500)
        views = Counter(pairs[k]["healthy"].numpy().tobytes() for k in range(500))
        assert len(views) == 10  # 5 images, each of them seen both ways round
        assert all(30 < count < 70 for count in views.values())

    def test_flips_are_left_to_right_only(self, tiny_data):
        straight, mirrored = (films(tiny_data, flip_prob=share) for share in (0.0, 1.0))
        for k in range(5):
            for name in ("mixed", "healthy"):
                assert torch.equal(mirrored[k][name], straight[k][name].flip(-1))

    def test_views_are_mirrored_as_often_as_images(self):
        def mirrored(share: float) -> torch.Tensor:
            pairs = MixedHealthyPairs(MIXED, HEALTHY, as_tensor, 500, flip_prob=share)
            image, straight = torch.rand(4, 1, 8, 8), torch.full((4, 6), 0.5)
            found = []
            for pair in pairs:
                straight[:, FLIP] = pair["views"][:, FLIP]
                seen = view(image, straight, 1.0)
                found.append(
                    [
                        torch.allclose(*both, atol=1e-5)
                        for both in zip(seen, image.flip(-1), strict=True)
                    ]
                )
            return torch.tensor(found).float().mean(0)

        assert torch.equal(mirrored(0.0), torch.zeros(4)) and torch.equal(
            mirrored(1.0), torch.ones(4)
        )
        assert ((mirrored(0.3) - 0.3).abs() < 0.07).all()

    def test_a_users_own_random_transform_draws_for_each_pair_anew_and_again_alike(self):
        own = Compose([as_tensor, RandScaleIntensityd("image", factors=0.5, prob=1.0)])
        pairs = MixedHealthyPairs(MIXED, HEALTHY, own, 50)
        first = [float(pairs[k]["healthy"]) for k in range(50)]
        assert len(set(first)) == 50 and [float(pairs[k]["healthy"]) for k in range(50)] == first

    def test_a_users_own_transform_may_give_arrays(self):
        pairs = MixedHealthyPairs(
            MIXED, HEALTHY, lambda item: {"image": as_tensor(item)["image"].numpy()}, 9, flip_prob=1
        )
        assert isinstance(pairs[0]["mixed"], torch.Tensor)

    def test_weights_are_uniform_and_each_pairs_own(self):
        weights = torch.stack([p["alpha"].flatten()[0] for p in numbers(2000)])
        assert len(weights.unique()) == 2000
        assert weights.min() >= 0 and weights.max() < 1
        histogram = torch.histc(weights, 4, 0, 1)
        assert ((histogram - 500).abs() < 80).all()

    def test_past_the_end_there_is_nothing(self):
        with pytest.raises(IndexError):
            numbers(5)[5]

    def test_workers_do_not_change_the_stream(self, tiny_data):
        def stream(workers: int) -> list[dict]:
            batches = StreamBatches(max_iterations=6, batch_size=4)
            return list(DataLoader(films(tiny_data), batch_sampler=batches, num_workers=workers))

        for alone, shared in zip(stream(0), stream(2), strict=True):
            assert same(alone, shared)


class TestBatches:
    def test_are_consecutive_pairs(self):
        assert list(StreamBatches(3, 2)) == [[0, 1], [2, 3], [4, 5]]
        assert len(StreamBatches(3, 2)) == 3

    def test_start_continues_where_a_run_had_stopped(self):
        whole = list(StreamBatches(10, 4))
        rest = StreamBatches(10, 4, start=6)
        assert list(rest) == whole[6:] and len(rest) == 4
        rest.start = 10
        assert list(rest) == [] and len(rest) == 0

    @pytest.mark.parametrize("ranks", [1, 2, 3, 6])
    def test_ranks_share_out_each_batch_exactly(self, ranks):
        shares = [list(StreamBatches(4, 6, rank=rank, ranks=ranks)) for rank in range(ranks)]
        together = [[k for part in parts for k in part] for parts in zip(*shares, strict=True)]
        assert together == list(StreamBatches(4, 6))

    @pytest.mark.parametrize(("size", "ranks"), [(5, 2), (0, 1), (-4, 2)])
    def test_sizes_that_cannot_be_shared_are_refused(self, size, ranks):
        with pytest.raises(ValueError, match=f"batch_size is {size}"):
            StreamBatches(4, size, ranks=ranks)


class TestLists:
    def test_selection_knows_sets_not_diseases(self, tiny_data):
        items = selection_items(read(tiny_data))
        assert Counter(i["label"] for i in items) == {1: 6, 0: 5}
        assert all(("mixed" in i["image"]) is bool(i["label"]) for i in items)

    def test_selection_takes_evenly_spaced_images_where_there_are_many(self, tiny_data):
        items = selection_items(read(tiny_data), most=3)
        names = [i["image"].split("/")[-2] for i in items]
        assert names == ["mixed0", "mixed2", "mixed5", "healthy0", "healthy2", "healthy4"]

    def test_scoring_says_of_each_image_what_scores_csv_needs(self, tiny_data):
        items = labelled_items(read(tiny_data))
        assert [i["section"] for i in items] == ["validation"] * 4 + ["test"] * 4
        assert [i["label"] for i in items] == [0, 1, 0, 1] * 2
        assert items[5]["name"] == "images/test1/0.png" and items[5]["subject"] == "test1"
        assert items[5]["lesion"].endswith("lesion.png") and items[4]["lesion"] == ""
        assert [i["lesion_free"] for i in items] == [1, 0, 1, 0] * 2
        assert {i["boxes"] for i in items} == {""}

    def test_boxes_are_shares_of_the_image_and_no_mask_means_nothing_is_free_of_lesions(
        self, tiny_data
    ):
        data = read(tiny_data)
        boxed = [replace(i, mask=None, boxes=((8, 16, 4, 2, "x"),)) for i in data.sections["test"]]
        items = labelled_items(replace(data, sections={**data.sections, "test": boxed}))
        assert json.loads(items[-1]["boxes"]) == [[0.25, 0.5, 0.125, 0.0625]]
        assert not any(i["lesion_free"] for i in items)

    def test_training_without_one_of_the_sets_is_refused(self, tmp_path):
        data = read(write_dataset(tmp_path))
        for emptied, message in (
            (["training_healthy"], "section training_healthy is empty"),
            (["training_mixed", "training_healthy"], "section training_mixed is empty"),
        ):
            sections = {**data.sections, **{name: [] for name in emptied}}
            write(replace(data, sections=sections), tmp_path)
            with pytest.raises(DataError, match=message):
                load_dataset(tmp_path)
        assert load_dataset(tmp_path, training=False).sections["test"]  # enough for scoring
