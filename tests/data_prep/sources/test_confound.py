import itertools

import pytest

from data_prep.sources.card import Row
from data_prep.sources.confound import auc_alone, auc_of_numbers, confound_text, confounds, table


def by_pairs(scores: list[tuple[float, int]]) -> float:
    healthy = [s for s, label in scores if label == 0]
    diseased = [s for s, label in scores if label == 1]
    won = [(d > h) + (d == h) / 2 for h, d in itertools.product(healthy, diseased)]
    return sum(won) / len(won)


def test_the_auc_of_the_source_is_that_of_its_share_counted_pair_by_pair():
    counts = {"rsna": (79, 0), "actmed": (20, 33), "cohen": (1, 39), "sirm": (0, 17)}
    scores = [
        (d / (h + d), label)
        for h, d in counts.values()
        for label in (0, 1)
        for _ in range((h, d)[label])
    ]
    assert auc_alone(counts) == pytest.approx(by_pairs(scores), abs=1e-4)


def test_equal_shares_tell_nothing_and_separate_ones_everything():
    assert auc_alone({"a": (10, 10), "b": (90, 90)}) == 0.5
    assert auc_alone({"a": (10, 0), "b": (0, 90)}) == 1.0
    assert auc_alone({"a": (10, 0)}) is None


def test_a_number_counts_in_its_better_direction():
    pairs = [(30.0, 1), (40.0, 1), (40.0, 0), (50.0, 0)]
    assert auc_of_numbers(pairs) == auc_of_numbers([(-v, label) for v, label in pairs]) == 0.875


def test_the_table_names_sections_sites_and_what_the_critic_can_learn():
    rows = [Row(f"{k}.png", f"s{k}", "training_healthy", 0, site="IXI") for k in range(4)]
    rows += [Row(f"{k}.png", f"s{k}", "training_mixed", k % 2, site="local") for k in range(4, 8)]
    rows += [Row(f"{k}.png", f"s{k}", "test", k % 2, site="local") for k in range(8, 12)]
    facts = confounds(rows)
    assert facts["site_by_class"]["training_mixed"] == {"local": {"healthy": 2, "diseased": 2}}
    assert facts["auc_alone"]["training"] == {"site": 1.0}
    text = confound_text(facts)
    assert "training_healthy" in text and "site 1.00" in text and "mixed from healthy" in text


def test_an_unknown_site_is_a_site_of_its_own():
    assert table([("", 0), ("a", 1)]) == {"a": (0, 1), "unknown": (1, 0)}
