"""The price that sets itself: the ladder is tried, the best is taken, nothing else changes."""

import json

import pytest
import torch
from tiny import metrics, train

from healthygan_monai.config.messages import user_message
from healthygan_monai.errors import ModelError
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.paths import read_run
from healthygan_monai.pretrained import price as search
from healthygan_monai.pretrained.price import PriceSearch
from healthygan_monai.pretrained.trials import (
    Trial,
    best_price,
    in_reach,
    mean_aucp,
    most_trials,
    next_price,
    read_trials,
    verdict,
    write_trials,
)


def trial(price: float, aucp: float, fold: int = 0, error: float = 0.0) -> Trial:
    return Trial(price, fold, 200, aucp, 0.1, error)


class TestChoice:
    def test_is_the_best_mean_over_the_folds(self):
        trials = [trial(1, 0.9), trial(1, 0.5, 1), trial(3, 0.75), trial(3, 0.7, 1)]
        assert best_price(trials) == 3

    def test_takes_the_dearest_that_is_nearly_as_good(self):
        trials = [trial(1, 0.71, error=0.05), trial(3, 0.68, error=0.05), trial(10, 0.6)]
        assert best_price(trials) == 3
        # the error of a mean over two folds is smaller
        assert best_price([*trials, *(trial(t.price, t.aucp, 1, t.error) for t in trials)]) == 3
        assert best_price([trial(1, 0.71, error=0.02), trial(3, 0.68)]) == 1

    def test_a_price_far_behind_is_given_up(self):
        first = [trial(1, 0.5), trial(3, 0.75), trial(8, 0.9, error=0.1)]
        assert [in_reach(t.price, first) for t in first] == [False, True, True]
        assert not in_reach(24, first)  # not tried
        assert [in_reach(p, [trial(1, 0.91), trial(3, 1.0), trial(8, 0.8)]) for p in (1, 3, 8)] == [
            *(True, True, False),
        ]
        trials = [*first, trial(3, 0.85, 1), trial(8, 0.7, 1)]
        assert mean_aucp(trials) == {1: 0.5, 3: pytest.approx(0.8), 8: pytest.approx(0.8)}
        assert best_price(trials) == 8
        assert (
            best_price([trial(1, 0.99), trial(3, 0.7), trial(3, 0.7, 1)]) == 3
        )  # both folds had it

    @pytest.mark.parametrize(
        ("found", "tried"),
        [
            ({1: 0.7, 3: 0.8, 10: 0.7}, [1, 3, 10]),  # the best is inside
            ({1: 0.7, 3: 0.8, 10: 0.9, 30: 0.6}, [1, 3, 10, 30]),
            ({1: 0.9, 3: 0.8, 10: 0.7, 0.3: 0.6}, [1, 3, 10, 0.3]),
            ({1: 0.7, 3: 0.8, 10: None}, [1, 3, 10]),  # a dearer one shuts it as well
            ({1: 0.7, 3: None, 0.3: 0.8}, [1, 3, 0.3]),
            ({1: 0.4, 3: None, 0.3: 0.8}, [1, 3, 0.3]),  # shut is worth 0.5
            ({1: None, 3: 0.8, 10: 0.9, 30: 0.5}, [1, 3, 10, 30]),  # 1 shut it by chance
            ({1: None, 3: None, 10: None, 0.3: None}, [1, 3, 10, 0.3]),
        ],
    )
    def test_goes_on_beyond_an_end_that_is_the_best(self, found, tried):
        trials: list[Trial] = []
        while (price := next_price((30, 10, 3, 1, 0.3), 0, trials)) is not None:
            aucp = found[price]
            changed = 0.0 if aucp is None else 0.1
            trials.append(Trial(price, 0, 200, aucp or 0.5, changed))
        assert [t.price for t in trials] == tried
        assert len(tried) <= most_trials((0.3, 1, 3, 10, 30), 1) == 4

    @pytest.mark.parametrize(
        ("first", "beyond"),
        [
            ([trial(1, 0.8, error=0.1), trial(3, 0.75), trial(10, 0.6)], None),  # as good as 3
            ([trial(1, 0.8, error=0.04), trial(3, 0.75), trial(10, 0.6)], 0.3),
            ([trial(1, 0.6), trial(3, 0.75), trial(10, 0.8, error=0.1)], None),
            ([trial(1, 0.6), trial(3, 0.75), trial(10, 0.8, error=0.04)], 30),
            ([trial(1, 0.6, error=0.2), Trial(3, 0, 200, 0.5, 0.0)], 0.3),  # 3 shut: no rival
        ],
    )
    def test_stays_within_its_ends_where_the_best_is_not_clearly_so(self, first, beyond):
        assert next_price((0.3, 1, 3, 10, 30), 0, first) == beyond

    def test_a_price_that_stands_twice_in_the_ladder_is_tried_once(self):
        ladder = (0.3, 1, 3, 3)
        trials = [trial(0.3, 0.6), trial(1, 0.7), trial(3, 0.8)]
        assert next_price(ladder, 0, trials) is None and most_trials(ladder, 1) == 3

    def test_a_later_fold_tries_again_what_is_in_reach(self):
        first = [trial(1, 0.5), trial(3, 0.85), trial(10, 0.9)]
        assert next_price((1, 3, 10), 1, first) == 3
        assert next_price((1, 3, 10), 1, [*first, trial(3, 0.8, 1)]) == 10
        both = [*first, trial(3, 0.99, 1), trial(10, 0.2, 1)]
        assert next_price((1, 3, 10), 1, both) is None
        assert next_price((1, 3, 10), 0, both) is None  # a later fold does not change the first

    @pytest.mark.parametrize(
        ("count", "most"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4), (6, 5), (7, 5)]
    )
    def test_has_a_number_of_trials_that_is_known_before(self, count, most):
        assert most_trials(range(1, count + 1), 2) == 2 * most

    @pytest.mark.parametrize(
        ("trials", "words"),
        [
            ([trial(1, 0.51), trial(3, 0.5)], "look alike"),
            ([trial(1, 0.17), trial(3, 0.2)], "at no price do mixed images score higher"),
            ([trial(1, 0.7, error=0.2), trial(3, 0.5, error=0.2)], "so few subjects cannot tell"),
            ([trial(1, 0.8, error=0.1), trial(3, 0.5, error=0.1)], "on kept-out subjects"),
            ([trial(1, 0.8), trial(3, 0.5)], "on images that were trained on"),
            ([trial(1, 1.0), trial(3, 1.0)], "on kept-out subjects"),  # of no error, being perfect
            ([trial(1, 1.0), trial(3, 0.0)], "on kept-out subjects"),
            ([Trial(1, 0, 200, 0.5, 0.0), Trial(0.3, 0, 200, 0.5, 0.0)], "shut the translation"),
        ],
    )
    def test_says_whether_aucp_could_tell(self, trials, words):
        assert words in verdict(trials)
        doubts = ("look alike", "at no price", "so few", "shut")
        assert sum(word in verdict(trials) for word in doubts) == (not words.startswith("on "))

    def test_names_the_best_price_where_a_dearer_one_is_taken(self):
        trials = [trial(0.3, 0.605, error=0.06), trial(1, 0.553, error=0.07)]
        told = verdict(trials)
        assert told.startswith("price 1: mean AUCp 0.553 on kept-out subjects; the best is 0.605")
        assert "of price 0.3, standard error 0.060; so few subjects" in told

    def test_is_the_cheapest_where_all_were_shut(self):
        shut = [Trial(price, 0, 200, 0.5, 0.0) for price in (1, 3, 0.3)]
        assert best_price(shut) == 0.3
        assert best_price([*shut, trial(0.1, 0.4)]) == 0.1

    def test_a_masked_translation_is_shut_by_its_own_limit(self):
        assert Trial(1, 0, 200, 0.9, 0.001, masked=1).shut
        assert not Trial(1, 0, 200, 0.9, 0.001).shut

    def test_is_read_back_as_written(self, tmp_path):
        trials = [trial(0.3, 0.61), trial(1, 0.7)]
        write_trials(tmp_path, trials)
        assert read_trials(tmp_path) == trials
        lines = (tmp_path / "prices.csv").read_text().splitlines()
        assert [line[-1] for line in lines[1:]] == ["0", "1"]

    @pytest.mark.parametrize(
        "line",
        [
            *("1", "a,b", "0,0,200,0.5,0.1,0,0", "inf,0,200,0.5,0.1,0,0"),
            *("1,0,200,nan,0.1,0,0", "1,0,200,7,0.1,0,0", "1,0,200,0.5,-1,0,0"),
            "1,0,200,0.5,0.1,-1,0",
        ],
    )
    def test_a_damaged_table_is_refused_by_its_line(self, line, tmp_path):
        names = "price,fold,iterations,aucp,changed,error,chosen"
        (tmp_path / "prices.csv").write_text(f"{names}\n1,0,200,0.7,0.1,0.05,1\n{line}\n")
        with pytest.raises(ModelError, match=r"prices\.csv: line 3 is not a trial of a price"):
            read_trials(tmp_path)


class TestRun:
    def test_tries_every_price_with_every_fold(self, run):
        assert [(t.price, t.fold) for t in read_trials(run)] == [
            *((0.5, 0), (5.0, 0)),
            *((0.5, 1), (5.0, 1)),
        ]

    def test_equals_a_run_with_the_chosen_price_bit_for_bit(
        self, run, tmp_path, tiny_data, settings
    ):
        chosen = best_price(read_trials(run))
        assert read_run(run)["price"] == chosen
        given = train(tmp_path, tiny_data, **{**settings, "price": chosen})
        ours, theirs = (torch.load(r / "model.pt", weights_only=True) for r in (run, given))
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
        assert [r["loss_g"] for r in metrics(run)] == [r["loss_g"] for r in metrics(given)]
        assert not (given / "prices.csv").exists()

    def test_that_goes_on_repeats_no_trial(self, tmp_path, tiny_data, settings, monkeypatch):
        stopped = train(tmp_path, tiny_data, **settings, **{"train#trainer#max_epochs": 1})
        monkeypatch.setattr(PriceSearch, "trial", lambda *_: pytest.fail("tried again"))
        train(tmp_path, tiny_data, **settings, resume=str(stopped))
        assert [r["iteration"] for r in metrics(stopped)] == [1, 2, 3, 4, 5, 6]

    def test_resumed_ends_as_one_that_never_stopped(self, run, tmp_path, tiny_data, settings):
        stopped = train(tmp_path, tiny_data, **settings, **{"train#trainer#max_epochs": 1})
        train(tmp_path, tiny_data, **settings, resume=str(stopped))
        ours, theirs = (
            torch.load(r / "checkpoints" / "generator_0000006.pt", weights_only=True)
            for r in (run, stopped)
        )
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)

    def test_names_its_recipe_and_lists_what_it_kept_out(self, run):
        used = json.loads((run / "config.json").read_text())
        assert (used["recipe"], used["price"]) == ("pretrained", "auto")
        assert read_run(run)["training_recipe"] == "pretrained"
        assert len((run / "kept_out.csv").read_text().splitlines()) > 2

    def test_that_was_not_given_a_recipe_records_the_one_it_got(
        self, tmp_path, tiny_data, settings
    ):
        changed = {**settings, "recipe": None, "price": 1.0, "max_iterations": 2}
        done = train(tmp_path, tiny_data, **changed)
        assert json.loads((done / "config.json").read_text())["recipe"] == "pretrained"
        train(tmp_path, tiny_data, **changed, resume=str(done))  # its settings are the same

    def test_keeps_subjects_out_of_the_trials_where_it_learns_from_all(
        self, tmp_path, tiny_data, settings
    ):
        changed = {"kept_out": 0, "price_kept_out": 0.4, "max_iterations": 2}
        done = train(tmp_path, tiny_data, **{**settings, **changed})
        assert all(t.error > 0 or t.aucp in (0, 1) for t in read_trials(done))
        assert not (done / "kept_out.csv").exists()

    @pytest.mark.parametrize("share", [-0.1, 0.6, "half", True])
    @pytest.mark.parametrize("key", ["kept_out", "price_kept_out"])
    def test_is_refused_with_another_share(self, key, share, tmp_path, tiny_data, settings):
        with pytest.raises(RuntimeError) as caught:
            train(tmp_path, tiny_data, **{**settings, key: share})
        said = f"{key} is {share!r}; expected a share from 0 to 0.5"
        assert user_message(caught.value) == said

    @pytest.mark.parametrize("price", [0, -1, "cheap", True])
    def test_is_refused_with_another_price(self, price, tmp_path, tiny_data, settings):
        with pytest.raises(RuntimeError) as caught:
            train(tmp_path, tiny_data, **{**settings, "price": price})
        assert user_message(caught.value) == (
            f"price is {price!r}; expected a number above 0, or auto to have it chosen"
        )


@pytest.mark.parametrize("translation", ["masked", "additive", "brainomaly"])
@pytest.mark.parametrize("critic", ["paper", "pretrained"])
def test_each_critic_trains_each_translation(critic, translation, tmp_path, tiny_data, settings):
    changed = {"critic": critic, "translation": translation, "price": 1.0, "critic_channels": 2}
    done = train(tmp_path, tiny_data, **{**settings, **changed, "max_iterations": 2})
    names = set(torch.load(done / "model.pt", weights_only=True))
    assert ("tanh_of_sum" in names) == (translation != "masked")


def test_early_stopping_ends_after_the_patience(tmp_path, tiny_data, settings, monkeypatch):
    values = iter([0.99, *[0.01] * 20])
    monkeypatch.setattr("healthygan_monai.selection.criteria.aucp", lambda *_: next(values))
    changed = {"price": 1.0, "patience": 1, "max_iterations": 20, "epoch_length": 2}
    done = train(tmp_path, tiny_data, **{**settings, **changed})
    assert metrics(done)[-1]["iteration"] == 6  # best at 2, then two without a better one


def test_a_trial_warms_up_for_three_quarters_of_its_iterations_at_most(
    tmp_path, tiny_data, settings, monkeypatch
):
    warmed, at = [], HealthyGANLoss.at
    monkeypatch.setattr(
        HealthyGANLoss, "at", lambda self, i: warmed.append(self.price_warmup) or at(self, i)
    )
    changed = {"prices": [1], "price_iterations": 4, "max_iterations": 8, "price_warmup": 9}
    train(tmp_path, tiny_data, **{**settings, **changed})
    assert set(warmed) == {3, 9} and warmed.count(3) == 2 * 4


def test_a_trial_draws_by_its_fold_and_compares_the_mixed_with_the_healthy(
    tmp_path, tiny_data, settings, monkeypatch
):
    lengths, seeds, compared = [], [], []
    pairs, aucp = search.MixedHealthyPairs, search.aucp

    def drawn(*given):
        lengths.append(given[3])
        seeds.append(given[4:])
        return pairs(*given)

    monkeypatch.setattr(search, "MixedHealthyPairs", drawn)
    monkeypatch.setattr(search, "aucp", lambda *sets: compared.append(sets) or aucp(*sets))
    done = train(tmp_path, tiny_data, **{**settings, "max_iterations": 2, "flip_prob": 0.3})
    assert (
        [fold for fold, _ in seeds] == [trial.fold for trial in read_trials(done)] == [0, 0, 1, 1]
    )
    assert {flip_prob for _, flip_prob in seeds} == {0.3}
    config = json.loads((done / "config.json").read_text())
    half = config["batch_size"] // 2
    assert config["price_batch_size"] == half > 0
    assert set(lengths) == {config["price_iterations"] * half}
    assert not any(set(mixed.tolist()) & set(healthy.tolist()) for mixed, healthy in compared)


def test_a_price_that_shuts_the_translation_ends_the_ladder_of_its_fold(
    tmp_path, tiny_data, settings, monkeypatch
):
    def shut_from_3_on(self, trainer, price, fold):
        return Trial(price, fold, 2, 0.5 + price / 100, 0.0 if price >= 3 else 0.2)

    monkeypatch.setattr(PriceSearch, "trial", shut_from_3_on)
    changed = {"prices": [10, 1, 3], "max_iterations": 2}
    done = train(tmp_path, tiny_data, **{**settings, **changed})
    assert [t.price for t in read_trials(done)] == [1, 3, 1, 3]


def test_a_translation_that_a_cheap_price_did_not_open_does_not_end_the_ladder(
    tmp_path, tiny_data, settings, monkeypatch
):
    def shut_at_1_in_a_fold(self, trainer, price, fold):
        return Trial(price, fold, 2, 0.6, 0.0 if fold == 1 and price == 1 else 0.2)

    monkeypatch.setattr(PriceSearch, "trial", shut_at_1_in_a_fold)
    changed = {"prices": [1, 3], "max_iterations": 2}
    done = train(tmp_path, tiny_data, **{**settings, **changed})
    assert [(t.price, t.fold) for t in read_trials(done)] == [(1, 0), (3, 0), (1, 1), (3, 1)]
    assert best_price(read_trials(done)) == 3


def test_a_price_that_shut_a_fold_is_not_taken_for_its_error():
    opened = [trial(1, 0.6, fold, 0.3) for fold in (0, 1)]
    shut = [Trial(3, 0, 200, 0.7, 0.1, 0.3), Trial(3, 1, 200, 0.5, 0.0, 0.3)]
    assert best_price([*opened, *shut]) == 1
    assert best_price([Trial(3, 0, 200, 0.5, 0.0)]) == 3  # all shut: still a price


def test_a_price_is_not_shut_in_a_fold_by_a_dearer_one_or_by_another_fold():
    trials = [trial(1, 0.8), Trial(3, 0, 200, 0.6, 0.0), trial(3, 0.7, 1)]
    assert mean_aucp(trials) == {1: 0.8, 3: pytest.approx(0.6)}
    assert mean_aucp([Trial(1, 0, 200, 0.6, 0.0), trial(3, 0.9)]) == {1: 0.5, 3: 0.9}


def test_a_price_not_tried_in_a_fold_is_not_taken():
    assert best_price([trial(1, 0.65), trial(3, 0.7), trial(1, 0.65, 1)]) == 1
