"""What all four GANs share: the contract, reproducible fits, exact resumption."""

import pytest
import torch
from ignite.engine import Events
from tiny import metrics
from tiny_detectors import GANS
from tiny_gans import ITERATIONS, SIDE, films, networks, tiny

from healthygan_monai.baselines.gan.alad import Alad
from healthygan_monai.baselines.gan.data import HealthyStream, held_out, noise_generator, stored
from healthygan_monai.baselines.gan.ganomaly import Ganomaly
from healthygan_monai.baselines.gan.trainer import GanTrainer
from healthygan_monai.errors import Diverged
from healthygan_monai.paths import training_states

HEALTHY = films(20)


def source():
    return HEALTHY.split(8)


@pytest.fixture(scope="module", params=GANS, ids=lambda m: m.name)
def method(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(method):
    detector = tiny(method)
    detector.fit(source, seed=3)
    return detector


class TestNumbersThatAreNotFinite:
    def test_end_the_training_at_once(self, method):
        detector = tiny(method)
        step, done = detector.Networks.step, []

        def broken(self, images, iteration, generator):
            done.append(iteration)
            terms = step(self, images, iteration, generator)
            return {k: v * float("nan") for k, v in terms.items()} if iteration == 1 else terms

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(detector.Networks, "step", broken)
            with pytest.raises(Diverged, match=r"at iteration 2 .* is not finite"):
                detector.fit(source)
        assert done == [0, 1]

    def test_end_it_before_a_step_that_would_leave_no_weights(self, method):
        gan = networks(method, SIDE).train_on("cpu")
        name = next(iter(gan.optimizers))
        before = [weight.clone() for weight in gan._weights(name)]
        loss = sum(weight.sum() for weight in gan._weights(name)) * float("inf")
        with pytest.raises(Diverged, match=f"a gradient of the {name} is not finite"):
            gan.update(**{name: loss})
        assert all(torch.equal(a, b) for a, b in zip(before, gan._weights(name), strict=True))


class TestContract:
    def test_the_map_is_the_distance_to_the_rebuilt_image(self, fitted):
        found = fitted.anomaly_map(HEALTHY)
        assert found.shape == (20, 1, SIDE, SIDE) and found.min() >= 0
        with torch.no_grad():
            rebuilt = fitted.gan.eval().rebuilt(HEALTHY)
        assert rebuilt.abs().max() <= 1
        torch.testing.assert_close(found, (HEALTHY - rebuilt).abs(), rtol=1e-4, atol=1e-5)

    def test_another_seed_gives_another_detector(self, method, fitted):
        other = tiny(method)
        other.fit(source, seed=4)
        assert not torch.equal(other.score(HEALTHY), fitted.score(HEALTHY))

    def test_three_channels(self, method):
        detector = tiny(method, max_iterations=2)
        detector.fit(lambda: [HEALTHY.repeat(1, 3, 1, 1)])
        assert detector.score(HEALTHY.repeat(1, 3, 1, 1)).shape == (20,)

    @pytest.mark.parametrize("side", [32, 64])
    def test_larger_images(self, method, side):
        detector = tiny(method, max_iterations=2)
        detector.fit(lambda: [films(4, side=side)])
        assert detector.anomaly_map(films(2, side=side)).shape == (2, 1, side, side)

    @pytest.mark.parametrize("side", [128, 256])
    def test_networks_for_the_largest_images(self, method, side):
        gan = networks(method, side).eval()
        with torch.no_grad():
            assert gan.rebuilt(torch.zeros(1, 1, side, side)).shape == (1, 1, side, side)
            assert gan.image_scores(torch.zeros(2, 1, side, side)).shape == (2,)

    def test_bfloat16_trains_and_scores_stay_float32(self, method):
        detector = tiny(method, amp=True)
        detector.fit(source)
        assert detector.score(HEALTHY).dtype == torch.float32
        assert detector.score(HEALTHY).isfinite().all()

    def test_facts_name_settings_iterations_and_departures(self, fitted):
        facts = fitted.facts()
        assert facts["iterations"] == ITERATIONS and facts["settings"]["batch_size"] == 4
        assert facts["departures"] and facts["parameters"] > 0


class TestErrors:
    def test_all_settings_that_cannot_be_meant_at_once(self, method):
        with pytest.raises(ValueError, match=r"batch_size is 0.*flip_prob is 2.*channels is 2"):
            method(batch_size=0, flip_prob=2, channels=2)

    def test_images_that_are_not_square(self, method):
        with pytest.raises(ValueError, match="squares"):
            tiny(method).fit(lambda: [HEALTHY[:, :, :8]])

    def test_images_of_another_size_than_set(self, method):
        with pytest.raises(ValueError, match="squares of 32 pixels"):
            tiny(method, image_size=32).fit(source)

    def test_weights_that_do_not_fit(self, method, fitted):
        state = fitted.state()
        state.pop(next(k for k in state if k.startswith("gan.")))
        with pytest.raises(ValueError, match="do not fit their settings"):
            method.from_state(state)


def training(method, run, seed=0, **changes):
    settings = tiny(method, **changes).settings.resolved(len(HEALTHY), (1, SIDE, SIDE))
    gan = method.build(settings, seed).train_on("cpu")
    every_second = settings.max_iterations // 2
    return GanTrainer(
        gan, settings, HEALTHY, seed=seed, run=run, checkpoints=every_second, log_interval=1
    )


class Stop(Exception):
    """The end of a process, as far as a test can have one inside of its own."""


def stop(*_):
    raise Stop


class TestResume:
    def end(self, training):
        training.run()
        training.finish()
        return training.gan.state_dict()

    @pytest.mark.parametrize("iteration", [3, 5])
    def test_a_run_stopped_anywhere_ends_as_if_it_never_had(self, method, tmp_path, iteration):
        whole = training(method, tmp_path / "whole")
        expected = self.end(whole)
        first = training(method, tmp_path / "run")
        first.add_event_handler(Events.ITERATION_COMPLETED(once=iteration), stop)
        with pytest.raises(Stop):
            first.run()
        second = training(method, tmp_path / "run", seed=0)
        for weight in second.gan.parameters():
            weight.data.zero_()  # nothing of it may come from the new networks
        assert second.resume() == iteration // 2 * 2
        found = self.end(second)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert torch.equal(found[name], value), name
        states = [
            torch.load(training_states(tmp_path / r)[-1], weights_only=True)
            for r in ("whole", "run")
        ]
        assert states[0].keys() == states[1].keys()
        rows = [metrics(tmp_path / r) for r in ("whole", "run")]
        for one, other in zip(*rows, strict=True):
            assert {**one, "seconds": 0} == {**other, "seconds": 0}
        assert [row["iteration"] for row in rows[0]] == list(range(1, ITERATIONS + 1))

    def test_a_finished_run_is_left_as_it_is(self, tmp_path):
        expected = self.end(training(Ganomaly, tmp_path))
        again = training(Ganomaly, tmp_path)
        assert again.resume() == ITERATIONS
        found = self.end(again)
        assert all(torch.equal(found[name], expected[name]) for name in expected)

    def test_a_run_in_a_folder_equals_a_fit_without_one(self, method, tmp_path):
        detector = tiny(method)
        detector.fit(source)
        in_folder = training(method, tmp_path)
        self.end(in_folder)
        with torch.no_grad():
            scores = in_folder.gan.eval().image_scores(HEALTHY[:4])
        assert torch.equal(detector.score(HEALTHY[:4]), scores)

    def test_a_run_of_other_settings_is_refused(self, tmp_path):
        self.end(training(Ganomaly, tmp_path))
        with pytest.raises(ValueError, match="does not fit this training"):
            training(Ganomaly, tmp_path, latent=4).resume()


class TestStream:
    def test_an_item_is_a_function_of_seed_and_number(self):
        one, other = (HealthyStream(HEALTHY, 100, seed=1, flip_prob=0.5) for _ in range(2))
        for k in (73, 0, 41, 19, 20):
            assert torch.equal(one[k]["image"], other[k]["image"])

    def test_every_pass_shows_every_image_once_in_a_new_order(self):
        stream = HealthyStream(HEALTHY, 60)
        passes = [[stream[20 * p + k]["image"] for k in range(20)] for p in range(3)]
        keys = [[tuple(image.flatten()[100:103].tolist()) for image in images] for images in passes]
        assert sorted(keys[0]) == sorted(keys[1]) == sorted(keys[2])
        assert keys[0] != keys[1] != keys[2]

    def test_flips_are_left_to_right_and_about_half(self):
        plain, flipped = HealthyStream(HEALTHY, 400), HealthyStream(HEALTHY, 400, flip_prob=0.5)
        same = [torch.equal(plain[k]["image"], flipped[k]["image"]) for k in range(400)]
        assert 150 < sum(same) < 250
        k = same.index(False)
        assert torch.equal(plain[k]["image"].flip(-1), flipped[k]["image"])

    def test_stored_images_are_the_source_s(self):
        with stored(source) as images:
            assert len(images) == 20 and images.shape == (1, SIDE, SIDE)
            assert torch.equal(torch.stack([images[k] for k in range(20)]), HEALTHY)

    def test_held_out_images_are_not_trained_on(self):
        rest, out = held_out(HEALTHY, 0.25, seed=0)
        assert len(out) == 5 and sorted([*rest.indices, *out.indices]) == list(range(20))

    def test_a_share_that_leaves_nothing_is_refused(self):
        with pytest.raises(
            ValueError, match=r"validation_share 0\.01 of 20 images leaves 20 to train on and 0"
        ):
            held_out(HEALTHY, 0.01, seed=0)

    def test_noise_is_a_function_of_seed_and_iteration(self):
        def draw(seed, iteration):
            return torch.randn(4, generator=noise_generator(seed, iteration, "cpu"))

        assert torch.equal(draw(0, 5), draw(0, 5))
        assert not torch.equal(draw(0, 5), draw(0, 6)) and not torch.equal(draw(0, 5), draw(1, 5))


class TestIterations:
    def test_epochs_become_iterations_of_whole_batches(self):
        settings = Ganomaly(epochs=15, batch_size=64).settings
        assert settings.resolved(1000, (1, 32, 32)).max_iterations == 15 * (1000 // 64)
        assert settings.resolved(10, (1, 32, 32)).max_iterations == 1


class TestValidation:
    def trained(self, scores):
        """Train with these mean scores of the held-out images; return the trainer."""
        made = training(Alad, None, max_iterations=40, patience=1)
        made.validation.mean_score = iter(scores).__next__
        made.run()
        return made

    def test_it_ends_after_more_than_patience_passes_without_a_lower_mean(self):
        made = self.trained([3.0, 2.0, 2.5, 2.5, *[9.0] * 20])
        assert made.validation.best == 2.0
        assert made.state.iteration == 4 * made.validation.every

    def test_the_weights_of_the_lowest_mean_are_taken(self):
        made = self.trained([3.0, 2.0, 2.5, 2.5])
        now = {k: v.clone() for k, v in made.gan.scoring.state_dict().items()}
        made.finish()
        best = made.gan.scoring.state_dict()
        assert any(not torch.equal(best[k], now[k]) for k in now)
        assert all(torch.equal(best[k], v) for k, v in made.validation.weights.items())

    def test_the_mean_is_that_of_the_held_out_images_scores(self):
        settings = tiny(Alad, patience=1).settings.resolved(20, (1, SIDE, SIDE))
        gan = Alad.build(settings, 0).train_on("cpu")
        made = GanTrainer(gan, settings, HEALTHY)
        _, out = held_out(HEALTHY, 0.25, seed=0)
        with torch.no_grad():
            expected = gan.eval().image_scores(torch.stack([out[k] for k in range(5)])).mean()
        assert made.validation.mean_score() == pytest.approx(float(expected))

    def test_resumed_after_an_early_end_nothing_is_trained(self, tmp_path):
        def make():
            made = training(Alad, tmp_path, max_iterations=40, patience=1)
            made.validation.mean_score = iter([1.0, *[2.0] * 20]).__next__
            return made

        first = make()
        first.run()
        second = make()
        second.resume()
        assert second.validation.best == 1.0
        done = second.state.iteration
        second.run()
        assert second.state.iteration <= first.state.iteration
        assert done <= first.state.iteration


def test_calibration_takes_the_statistics_of_the_images_scored():
    gan = networks(Ganomaly)
    gan.calibrate([HEALTHY[:10], HEALTHY[10:]])
    first = gan.generator.encoder1[3]
    with torch.no_grad():
        seen = gan.generator.encoder1[:3](HEALTHY)
    torch.testing.assert_close(first.running_mean, seen.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    assert first.momentum == 0.1 and not first.training


def test_no_loss_moves_a_network_that_is_not_its_own():
    gan = networks(Ganomaly)
    before = [p.clone() for p in gan.discriminator.parameters()]
    rebuilt, _, code = gan.generator(HEALTHY)
    gan.update(generator=gan.discriminator(rebuilt)[0].mean() + code.mean())
    assert all(
        torch.equal(a, b) for a, b in zip(before, gan.discriminator.parameters(), strict=True)
    )
    assert all(p.grad is None for p in gan.parameters())
