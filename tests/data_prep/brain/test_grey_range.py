"""Grey levels of a head: white matter and z-scores do not depend on the unit of the scanner."""

import numpy as np
import pytest
from heads import phantom

from data_prep.brain.grey_range import Normalise, white_peak
from data_prep.errors import PrepError
from data_prep.phantom.brains import WHITE

HEAD = phantom(5)
BRAIN = HEAD.image[HEAD.brain]


def test_the_white_peak_is_white_matter_whatever_the_gain_and_the_grey_share():
    assert white_peak(BRAIN) == pytest.approx(WHITE, rel=0.06)  # a bias field of a few per cent
    assert white_peak(BRAIN * 7.5) == pytest.approx(7.5 * white_peak(BRAIN), rel=0.01)
    grey = np.concatenate([BRAIN, np.repeat(BRAIN[(BRAIN > 110) & (BRAIN < 140)], 3)])
    assert white_peak(grey) == pytest.approx(white_peak(BRAIN), rel=0.03)


def test_a_few_bright_vessels_are_no_white_matter():
    vessels = np.full(len(BRAIN) // 100, 260.0)
    assert white_peak(np.concatenate([BRAIN, vessels])) == pytest.approx(
        white_peak(BRAIN), rel=0.03
    )


def test_policies_give_the_ranges_they_promise():
    values = np.arange(1001, dtype=np.float32)
    assert Normalise.parse("minmax").range_of(values) == (0, 1000)
    assert Normalise.parse("percentile:10,90").range_of(values) == pytest.approx((100, 900))
    mean, sd = values.mean(), values.std()
    assert Normalise.parse("zscore:1,2").range_of(values) == pytest.approx(
        (mean - sd, mean + 2 * sd), rel=1e-5
    )
    black, white = Normalise.parse("white").range_of(BRAIN)
    assert black == 0 and white == pytest.approx(white_peak(BRAIN) / 0.8)


def test_a_z_score_is_the_same_in_every_unit():
    black, white = Normalise.parse("zscore").range_of(BRAIN)
    there = Normalise.parse("zscore").range_of(BRAIN * 3 + 40)
    assert there == pytest.approx((black * 3 + 40, white * 3 + 40), rel=1e-4)


@pytest.mark.parametrize(
    "bad", ["window", "zscore:1", "zscore:a,b", "white:1.5", "white:0", "nyul", "zscore:-1,2"]
)
def test_what_means_nothing_is_refused(bad: str):
    with pytest.raises(ValueError, match="expected"):
        Normalise.parse(bad)


def test_a_constant_brain_has_no_range():
    for policy in ("percentile", "zscore", "white", "minmax"):
        with pytest.raises(PrepError, match="constant"):
            Normalise.parse(policy).range_of(np.full(99, 4.0))


def test_every_policy_is_recorded_with_its_numbers():
    assert Normalise.parse("zscore").record() == {"policy": "zscore", "below": 3.0, "above": 3.0}
    assert Normalise.parse("white:0.7").record() == {"policy": "white", "white_matter_at": 0.7}
    assert Normalise.parse("").record() == {"policy": "percentile", "low": 0.5, "high": 99.0}
