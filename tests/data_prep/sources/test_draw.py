import random

import pytest

from data_prep.datalist import DataError
from data_prep.sources.counts import counts_text, parse_counts, require
from data_prep.sources.draw import fill, shares, shuffled

PAPER = {"training_healthy": (424, 0), "training_mixed": (84, 76), "test": (10, 10)}


def test_the_order_is_that_of_a_hash_and_thus_of_no_machine():
    assert shuffled(["a", "b", "c", "d"], 0, "x") == ["b", "d", "a", "c"]
    names = [f"s{k}" for k in range(50)]
    assert shuffled(names[::-1], 1, "x") == shuffled(names, 1, "x") != shuffled(names, 2, "x")


def test_whole_subjects_fill_a_section_exactly():
    draw = random.Random(1)
    sizes = {f"s{k}": (draw.randrange(4), draw.randrange(3)) for k in range(500)}
    taken, lack = fill(shuffled(sizes, 0, "x"), sizes, (200, 120))
    assert lack == (0, 0) and len(set(taken)) == len(taken)
    assert [sum(sizes[name][k] for name in taken) for k in (0, 1)] == [200, 120]


def test_one_subject_is_exchanged_where_the_last_image_does_not_fit():
    sizes = {"a": (2, 0), "b": (2, 0), "c": (3, 0)}
    taken, lack = fill(["a", "b", "c"], sizes, (5, 0))
    assert lack == (0, 0) and "c" in taken


def test_what_whole_subjects_cannot_give_is_returned():
    assert fill(["a", "b"], {"a": (3, 0), "b": (3, 0)}, (4, 0))[1] == (1, 0)


def test_shares_are_exact_and_never_more_than_there_is():
    assert shares(100, {"a": 299, "b": 58}) == {"a": 84, "b": 16}
    assert shares(3, {"a": 1, "b": 1, "c": 1}) == {"a": 1, "b": 1, "c": 1}
    with pytest.raises(ValueError, match="4 of 3"):
        shares(4, {"a": 1, "b": 2})


def test_counts_replace_only_the_sections_they_name():
    counts = parse_counts("healthy=60, mixed=10+8", PAPER)
    assert counts == {"training_healthy": (60, 0), "training_mixed": (10, 8), "test": (10, 10)}
    assert parse_counts(counts_text(counts), PAPER) == counts


@pytest.mark.parametrize("text", ["mixed=84", "healthy=1+1", "tset=1+1", "test=a+b", "test"])
def test_invalid_counts_are_refused(text):
    with pytest.raises(ValueError, match="--counts"):
        parse_counts(text, PAPER)


def test_the_error_of_a_short_cohort_has_both_numbers_and_sizes_that_would_do():
    with pytest.raises(DataError) as error:
        require(PAPER, 259, 43, "IXI", "subjects")
    message = str(error.value)
    assert "518 healthy and 86 diseased subjects are needed, 259 and 43 are there" in message
    smaller = parse_counts(message.rpartition("--counts ")[2], PAPER)
    require(smaller, 259, 43, "IXI", "subjects")
    assert smaller["training_mixed"] == (42, 38)
