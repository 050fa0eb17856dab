"""Choosing the checkpoint: FID and AUCp against closed forms, and what the run folder keeps."""

import math
import shutil
from dataclasses import replace
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.metrics import FIDMetric
from tiny import train

from data_prep.datalist import read
from healthygan_monai.config.messages import root_cause
from healthygan_monai.data import image_transforms, selection_items
from healthygan_monai.errors import ModelError
from healthygan_monai.inferer import HealthyGANInferer
from healthygan_monai.networks import Generator
from healthygan_monai.networks.fid_features import feature_extractor
from healthygan_monai.paths import FIRST_IS_BEST
from healthygan_monai.selection import (
    Candidate,
    aucp,
    aucp_error,
    choose,
    frechet_distance,
    generator_checkpoint,
    read_selection,
    select,
    write_selection,
)
from healthygan_monai.selection.candidates import make_model, warn_of_choice
from healthygan_monai.selection.handler import CheckpointSelection


def features(n: int, d: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(d, d, generator=random, dtype=torch.float64)
    return torch.randn(n, d, generator=random, dtype=torch.float64) @ mixing + seed


def weights(path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def same_weights(first, second) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(v, other[k]) for k, v in one.items())


class TestFrechetDistance:
    def test_between_normal_spreads_in_one_dimension(self):
        """(m1 - m2)^2 + (s1 - s2)^2 for one feature."""
        first, second = features(50, 1, 1), features(80, 1, 2)
        expected = (first.mean() - second.mean()) ** 2 + (first.std() - second.std()) ** 2
        assert frechet_distance(first, second) == pytest.approx(expected.item())

    @pytest.mark.parametrize("n", [200, 12])
    def test_of_shifted_copies_is_the_squared_shift_with_many_images_and_with_few(self, n):
        found, shift = features(n, 20, 1), torch.linspace(-1, 2, 20, dtype=torch.float64)
        assert frechet_distance(found, found + shift) == pytest.approx(shift.square().sum().item())
        assert frechet_distance(found, found.flip(0)) == pytest.approx(0, abs=1e-9)

    @pytest.mark.skipif(
        tuple(map(int, version("scipy").split(".")[:2])) >= (1, 18),
        reason="MONAI's FIDMetric needs SciPy < 1.18",
    )
    # with fewer images than features MONAI's root is only good to the root of the precision
    @pytest.mark.parametrize(
        ("n", "m", "d", "rel"), [(60, 90, 8, 1e-6), (300, 40, 16, 1e-6), (10, 14, 16, 1e-4)]
    )
    def test_equals_monais_fid(self, n, m, d, rel):
        first, second = features(n, d, 1), features(m, d, 2)
        expected = FIDMetric()(first, second).item()
        assert frechet_distance(first, second) == pytest.approx(expected, rel=rel)

    def test_needs_two_images_of_each_set(self):
        with pytest.raises(ValueError, match="at least two images"):
            frechet_distance(features(1, 3, 1), features(5, 3, 2))


class TestAUCp:
    @pytest.mark.parametrize(
        ("mixed", "healthy", "expected"),
        [
            ([0.9, 0.8], [0.1, 0.2], 1.0),
            ([0.1, 0.2], [0.9, 0.8], 0.0),
            ([0.1, 0.4, 0.35], [0.2, 0.3], 4 / 6),  # 4 of 6 pairs have the mixed image higher
            ([0.5, 0.5], [0.5], 0.5),
        ],
    )
    def test_is_the_share_of_pairs_with_the_mixed_image_higher(self, mixed, healthy, expected):
        assert aucp(torch.tensor(mixed), torch.tensor(healthy)) == pytest.approx(expected)


def judged(*fids_and_aucps: tuple[float, float]) -> list[Candidate]:
    return [Candidate(10 * (i + 1), f, a, "random") for i, (f, a) in enumerate(fids_and_aucps)]


class TestChoice:
    def test_lowest_fid_or_highest_aucp(self):
        candidates = judged((3, 0.6), (1, 0.5), (2, 0.9))
        assert choose(candidates, "fid").iteration == 20
        assert choose(candidates, "aucp").iteration == 30

    @pytest.mark.parametrize(("criterion", "iteration"), [("fid", 20), ("aucp", 40)])
    def test_of_equals_in_whatever_order_they_come(self, criterion, iteration):
        candidates = judged((2, 0.5), (1, 0.7), (1, 0.7), (1, 0.7))
        for order in (candidates, candidates[::-1]):
            assert choose(order, criterion).iteration == iteration

    @pytest.mark.parametrize(
        ("last", "error", "iteration"),
        [(0.691, 0.0, 30), (0.689, 0.0, 20), (0.689, 0.02, 30), (0.691, 0.001, 30)],
    )
    def test_an_aucp_hardly_lower_is_as_good_whoever_judged(self, last, error, iteration):
        candidates = [replace(c, aucp_error=error) for c in judged((1, 0.6), (1, 0.7), (1, last))]
        assert choose(candidates, "aucp").iteration == iteration

    @pytest.mark.parametrize(("best", "told"), [(10, True), (20, False)])
    def test_the_first_of_several_as_the_best_is_warned_of(self, best, told, caplog, tmp_path):
        first, second = judged((1, 0.5), (2, 0.6))
        warn_of_choice(tmp_path, [second, first], first if best == 10 else second, "fid")
        assert (FIRST_IS_BEST in caplog.text) is told

    def test_an_only_checkpoint_is_not_warned_of(self, caplog, tmp_path):
        (only,) = judged((1, 0.5))
        warn_of_choice(tmp_path, [only], only, "fid")
        assert caplog.text == ""

    @pytest.mark.parametrize(
        ("criterion", "aucp", "error", "told"),
        [
            ("aucp", 0.55, 0.0, True),
            ("aucp", 0.56, 0.0, False),
            ("aucp", 0.75, 0.13, True),
            ("aucp", 0.75, 0.12, False),
            ("fid", 0.5, 0.0, False),
        ],
    )
    def test_a_choice_by_an_aucp_that_tells_nothing_apart_is_warned_of(
        self, criterion, aucp, error, told, caplog, tmp_path
    ):
        chosen = Candidate(10, 1.0, aucp, "random", aucp_error=error)
        warn_of_choice(tmp_path, [chosen], chosen, criterion)
        assert ("it does not tell the two sets apart" in caplog.text) is told
        assert ("its standard error" in caplog.text) is (told and error > 0)

    @pytest.mark.parametrize(
        ("aucp", "error", "searched", "told"),
        [
            (0.86, 0.0, False, True),
            (0.86, 0.0, True, False),  # the trials of its price were judged by kept-out subjects
            (0.86, 0.1, False, False),
            (1.0, 0.0, False, False),  # of kept-out subjects: perfect
        ],
    )
    def test_an_aucp_of_images_that_were_trained_on_proves_nothing(
        self, aucp, error, searched, told, caplog, tmp_path
    ):
        if searched:
            (tmp_path / "prices.csv").touch()
        chosen = Candidate(10, 1.0, aucp, "random", aucp_error=error)
        warn_of_choice(tmp_path, [chosen], chosen, "aucp")
        assert ("it does not show that the two sets differ" in caplog.text) is told

    def test_unknown_criteria_and_empty_lists_are_refused(self):
        with pytest.raises(ValueError, match="criterion is 'auc'"):
            choose(judged((1, 1)), "auc")
        with pytest.raises(ValueError, match="no checkpoint has been judged"):
            choose([], "fid")


class TestRunFolder:
    def test_every_checkpoint_has_its_row_and_the_best_one_is_flagged(self, trained):
        rows = read_selection(trained)
        assert [r.iteration for r in rows] == [2, 4, 6]
        assert [r.iteration for r in rows if r.chosen] == [choose(rows, "fid").iteration]
        assert all(math.isfinite(r.fid) and 0 <= r.aucp <= 1 for r in rows)
        assert {r.fid_features for r in rows} == {"random"}

    def test_model_pt_is_the_chosen_generator_alone(self, trained):
        (chosen,) = [r for r in read_selection(trained) if r.chosen]
        assert same_weights(trained / "model.pt", generator_checkpoint(trained, chosen.iteration))
        assert set(weights(trained / "model.pt")) == set(Generator(1, 2, 1).state_dict())

    def test_select_rewrites_model_and_table(self, own_run):
        aucps = [0.5, 0.9, 0.1]
        rows = [replace(r, aucp=a) for r, a in zip(read_selection(own_run), aucps, strict=True)]
        write_selection(own_run, rows, rows[0])
        assert select(own_run, "aucp").iteration == 4
        assert same_weights(own_run / "model.pt", generator_checkpoint(own_run, 4))
        assert [r.chosen for r in read_selection(own_run)] == [0, 1, 0]
        assert [r.aucp for r in read_selection(own_run)] == aucps

    def test_select_says_which_checkpoint_is_gone_and_leaves_the_model(self, own_run):
        before = (own_run / "model.pt").read_bytes()
        shutil.rmtree(own_run / "checkpoints")
        with pytest.raises(FileNotFoundError, match=r"generator_\d{7}\.pt is gone"):
            select(own_run, "fid")
        assert (own_run / "model.pt").read_bytes() == before

    @pytest.mark.parametrize(
        "damage",
        [
            *(("iteration", "step"), (",0.5,", ",high,"), (",0.5,", ",7,"), (",0.5,", ",nan,")),
            *((",0.5,", "\n"), ("x", "y" * 200_000)),
        ],
    )
    def test_a_damaged_table_is_named_with_its_line(self, tmp_path, damage):
        rows = judged((1, 0.5))
        write_selection(tmp_path, [replace(rows[0], fid_features="x")], rows[0])
        path = tmp_path / "selection.csv"
        path.write_text(path.read_text().replace(*damage))
        with pytest.raises(ModelError, match=r"selection\.csv: line \d is not a judged checkpoint"):
            read_selection(tmp_path)

    def test_the_runs_own_criterion_is_used(self, tmp_path, tiny_data):
        run = train(tmp_path, tiny_data, criterion="aucp")
        rows = read_selection(run)
        (chosen,) = [r for r in rows if r.chosen]
        assert chosen == choose(rows, "aucp")
        assert same_weights(run / "model.pt", generator_checkpoint(run, chosen.iteration))

    @pytest.mark.parametrize("done", [4, 6])
    def test_a_resumed_run_makes_its_model_anew(self, own_run, done):
        """``select`` by another criterion, or a state that was lost, may have left another one."""
        rows = [replace(r, fid=float(r.iteration)) for r in read_selection(own_run)]
        write_selection(own_run, rows, rows[-1])
        make_model(own_run, 6)
        handler = CheckpointSelection(own_run, Engine(lambda *_: None), "fid", "random")
        handler.begin(SimpleNamespace(state=SimpleNamespace(iteration=done)))
        assert same_weights(own_run / "model.pt", generator_checkpoint(own_run, 2))
        found = [(r.iteration, r.chosen) for r in read_selection(own_run)]
        assert found == [(2, 1), (4, 0), (6, 0)][: done // 2]

    def test_checkpoints_that_no_validation_judged_have_no_row(self, tmp_path, tiny_data):
        run = train(tmp_path, tiny_data, val_interval=2, max_iterations=8)
        assert [r.iteration for r in read_selection(run)] == [4, 8]

    @pytest.mark.parametrize("val_interval", [3, 8])
    def test_the_last_checkpoint_is_judged(self, tmp_path, tiny_data, val_interval):
        with pytest.raises(RuntimeError) as caught:
            train(tmp_path, tiny_data, val_interval=val_interval, max_iterations=8)
        assert "the last one would not be judged. Expected a divisor of 4" in str(
            root_cause(caught.value)
        )
        assert not list(tmp_path.iterdir())

    def test_fid_and_aucp_are_what_the_checkpoint_gives(self, trained, tiny_data):
        """The table's numbers from the files alone: images, generator and feature network."""
        load = image_transforms(32)
        items = selection_items(read(tiny_data))
        images = torch.stack([load(i)["image"] for i in items])
        mixed = np.array([i["label"] for i in items]) == 1
        for row in read_selection(trained):
            generator = Generator(1, 2, 1).eval()
            generator.load_state_dict(weights(generator_checkpoint(trained, row.iteration)))
            with torch.no_grad():
                pred = HealthyGANInferer()(images, generator)
            net = feature_extractor("random")
            fid = frechet_distance(net(pred[mixed, :1]), net(images[~mixed]))
            scores = pred[:, 2].mean((1, 2))
            assert row.fid == pytest.approx(fid, rel=1e-4)
            assert row.aucp == pytest.approx(aucp(scores[mixed], scores[~mixed]))


class TestJudgedByKeptOutSubjects:
    def test_the_latest_within_a_standard_error_of_the_best_is_chosen(self):
        found = [
            Candidate(10 * (i + 1), 1.0, aucp, "random", aucp_error=0.05)
            for i, aucp in enumerate([0.6, 0.8, 0.76, 0.7])
        ]
        assert choose(found, "aucp").iteration == 30
        assert choose(found, "fid").iteration == 10  # FID has no such error here

    def test_the_error_falls_with_the_number_of_subjects_and_vanishes_at_1(self):
        errors = [aucp_error(0.8, n, n) for n in (5, 50, 500)]
        assert errors == sorted(errors, reverse=True)
        assert errors[1] == pytest.approx(0.0446, abs=1e-3)
        assert aucp_error(1.0, 5, 5) == 0

    def test_the_error_by_hand_with_more_mixed_than_healthy_subjects(self):
        """Hanley and McNeil, Eq. 2: Q1 = 0.8 / 1.2, Q2 = 2 * 0.64 / 1.8; 4 mixed, 2 healthy."""
        spread = 3 * (0.8 / 1.2 - 0.64) + 1 * (1.28 / 1.8 - 0.64)
        assert aucp_error(0.8, 4, 2) == pytest.approx(math.sqrt((0.16 + spread) / 8))

    def test_a_candidate_just_one_error_below_is_alike(self):
        found = [Candidate(k, 1.0, a, "x", aucp_error=0.25) for k, a in ((1, 0.75), (2, 0.5))]
        assert choose(found, "aucp").iteration == 2
        assert Candidate(1, 1.0, 0.5, "x").chosen == 0

    def test_is_read_back_and_missing_in_older_files(self, tmp_path):
        found = [Candidate(10, 1.0, 0.7, "random", aucp_error=0.1)]
        write_selection(tmp_path, found, found[0])
        assert read_selection(tmp_path)[0].aucp_error == 0.1
        lines = (tmp_path / "selection.csv").read_text().splitlines()
        old = [line.rpartition(",")[0] for line in lines]
        (tmp_path / "selection.csv").write_text("\n".join(old) + "\n")
        assert read_selection(tmp_path)[0].aucp_error == 0
