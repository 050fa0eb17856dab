"""Whatever the cohort, the split keeps subjects whole, shares exact and training without truth."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.datalist import UNLABELLED, LeakError
from data_prep.inputs import sections
from data_prep.inputs.sections import GROUPS, SECTION_NAMES, by_group, section_of, verify
from data_prep.source import Source, Truth, Who

seeds = st.integers(0, 2**31)
shares = st.sampled_from([0.0, 0.1, 0.2, 1 / 3])
images = st.lists(
    st.tuples(st.integers(0, 25), st.sampled_from([*GROUPS, None])), max_size=80
)  # (subject, group)


def source(subject: str, line: int = 0, **truth: object) -> Source:
    who = Who(subject)
    return Source("a.png", Path("a.png"), "picture", line=line, who=who, truth=Truth(**truth))


def share(count: int, fraction: float) -> int:
    """By the rule of the docs: none where none is wanted, else at least one of three or more."""
    return max(1, round(count * fraction)) if fraction and count >= 3 else 0


@given(images, seeds, shares, shares)
def test_every_subject_is_whole_in_a_section_of_its_group(images, seed, validation, test):
    given_ = [source(f"s{subject}", group=group) for subject, group in images]
    found = by_group(given_, seed=seed, validation=validation, test=test)
    verify(found)
    assert len(found) == len(given_)
    groups, home = defaultdict(set), {}
    for one in found:
        groups[one.who.subject].add(one.truth.group or "mixed")
        home[one.who.subject] = one.truth.section
        label = {"healthy": 0, "diseased": 1}.get(one.truth.group)
        assert one.truth.label == label
    worst = {s: max(known, key=GROUPS.index) for s, known in groups.items()}
    for group in ("healthy", "diseased"):
        members = [s for s in worst if worst[s] == group]
        count = {name: sum(home[s] == name for s in members) for name in SECTION_NAMES}
        first, second = share(len(members), validation), share(len(members), test)
        assert (count["validation"], count["test"]) == (first, second)
        rest = len(members) - first - second
        with_mixed = "mixed" in worst.values()
        healthy = 0 if group == "diseased" else rest if with_mixed else rest - rest // 2
        assert count["training_healthy"] == healthy
        assert count["training_mixed"] == rest - healthy
    assert {home[s] for s in worst if worst[s] == "mixed"} <= {"training_mixed"}


@given(images, seeds, st.randoms(use_true_random=False))
def test_the_split_is_that_of_the_seed_whatever_the_order_of_the_files(images, seed, random):
    given_ = [source(f"s{subject}", group=group) for subject, group in images]
    expected = {one.who.subject: one.truth.section for one in by_group(given_, seed=seed)}
    random.shuffle(given_)
    found = by_group(given_, seed=seed)
    assert {one.who.subject: one.truth.section for one in found} == expected


def test_the_seed_draws_each_group_for_itself():
    def drawn(seed: int, group: str) -> set[str]:
        cohort = [source(f"s{k:02d}", group=group) for k in range(40)]
        found = by_group(cohort, seed=seed, validation=0.5, test=0)
        return {one.who.subject for one in found if one.truth.section == "validation"}

    draws = [
        frozenset(drawn(seed, group)) for seed in range(3) for group in ("healthy", "diseased")
    ]
    assert len(set(draws)) == len(draws) and {len(one) for one in draws} == {20}


def test_a_section_that_is_given_and_a_label_that_is_known_stay():
    known = source("a", section="test", group="diseased")
    cohort = [source("b", group="healthy", label=1), known, source("c", group="diseased")]
    found = by_group(cohort, seed=0)
    assert found[0] is known
    assert [(one.who.subject, one.truth.label) for one in found[1:]] == [("b", 1), ("c", 1)]


@given(images, seeds)
def test_training_has_no_truth_and_the_others_keep_theirs(images, seed):
    mask, boxes = Path("m.png"), ((1.0, 2.0, 3.0, 4.0, ""),)
    cohort = [source(f"s{s}", group=g, mask=mask, boxes=boxes) for s, g in images]
    split = by_group(cohort, seed=seed)
    for before, after in zip(split, sections.without_training_truth(split), strict=True):
        if after.truth.section in UNLABELLED:
            assert (after.truth.label, after.truth.mask, after.truth.boxes) == (None, None, ())
        else:
            assert after is before


@given(st.integers(1, 40))
def test_a_leak_names_thirty_subjects_and_counts_the_others(count):
    cohort = [source(f"s{k:02d}", 2 * k, section="test") for k in range(count)]
    cohort += [source(f"s{k:02d}", 2 * k + 1) for k in range(count)]
    with pytest.raises(LeakError) as error:
        verify([*cohort, source("alone", section="test")])
    first, *lines = str(error.value).splitlines()
    assert first.startswith(f"{count} subjects are in more than one section")
    named = [
        f"  s{k:02d}: no section (line {2 * k + 1}), test (line {2 * k})" for k in range(count)
    ]
    named[0] = "  s00: no section (line 1), test"  # a source of no table has no line
    assert lines == named[:30] + [f"  and {count - 30} more"] * (count > 30)
    with pytest.raises(LeakError) as error:
        verify(cohort, named=False)
    assert "s00" not in str(error.value) and "one subject: no section (line 1), test" in str(
        error.value
    )


@pytest.mark.parametrize("name", SECTION_NAMES)
def test_a_section_is_known_by_its_name_in_any_writing(name):
    written = (name, f" {name.upper()} ", name.replace("_", "-"), name.replace("_", " "))
    assert {section_of(text) for text in written} == {name}


def test_a_label_is_known_by_its_words():
    words = {0: "0 0.0 healthy negative false", 1: "1 1.0 diseased disease positive true"}
    expected = {word: label for label, known in words.items() for word in known.split()}
    assert expected == sections.LABELS
