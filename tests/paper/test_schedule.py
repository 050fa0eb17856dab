"""Appx. A: constant learning rate, then linear decay over the last 100,000 of 400,000."""

import pytest
import torch

from healthygan_monai.schedule import authors_decay_factor, decay_schedule, linear_decay_factor

PAPER = (400_000, 100_000)


@pytest.mark.parametrize(
    ("iteration", "factor"),
    [(0, 1), (299_999, 1), (300_000, 1), (325_000, 0.75), (399_999, 1e-5), (400_000, 0)],
)
def test_linear_decay_of_the_paper(iteration, factor):
    assert linear_decay_factor(iteration, *PAPER) == pytest.approx(factor, abs=1e-12)


def test_linear_decay_never_rises_and_never_goes_below_zero():
    factors = [linear_decay_factor(i, 40, 10) for i in range(60)]
    assert factors == sorted(factors, reverse=True)
    assert min(factors) == 0 and factors[40:] == [0] * 20


def test_the_authors_code_takes_off_a_thousandth_in_all():
    assert authors_decay_factor(300_999, *PAPER) == 1
    assert authors_decay_factor(301_000, *PAPER) == pytest.approx(1 - 1e-5, abs=1e-15)
    assert authors_decay_factor(400_000, *PAPER) == pytest.approx(0.999, abs=1e-12)


@pytest.mark.parametrize("factor", [linear_decay_factor, authors_decay_factor])
def test_no_decay_iterations_mean_a_constant_rate(factor):
    assert {factor(i, 5000, 0) for i in (0, 4999, 5000)} == {1.0}


@pytest.mark.parametrize("schedule", ["linear", "authors"])
def test_the_scheduler_sets_the_rate_of_the_next_update(schedule):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = decay_schedule(optimizer, 4000, 2000, schedule)
    rates = []
    for _ in range(4000):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    factor = linear_decay_factor if schedule == "linear" else authors_decay_factor
    assert rates == pytest.approx([0.5 * factor(i, 4000, 2000) for i in range(4000)])
    assert (rates[-1] < 0.001) is (schedule == "linear")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((10, 5, "cosine"), "lr_schedule is 'cosine'"), ((10, 11), "decay_iterations is 11")],
)
def test_schedules_that_cannot_be_meant_are_refused(arguments, message):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    with pytest.raises(ValueError, match=message):
        decay_schedule(optimizer, *arguments)
