"""Subjects kept out of training: whole, the same for every run, each in exactly one fold."""

import csv
import logging

import pytest

from data_prep.datalist import UNLABELLED, Dataset, Item
from data_prep.errors import UsageError
from healthygan_monai.data.kept_out import judges, keep_out, write_kept_out


def study(subjects: int = 10) -> Dataset:
    """Subject k has k + 1 images in each training section."""

    def items(name: str) -> list[Item]:
        return [
            Item(f"{name}/{s}_{i}.png", f"{name}{s}") for s in range(subjects) for i in range(s + 1)
        ]

    return Dataset("study", 64, sections={name: items(name) for name in UNLABELLED})


def images(dataset: Dataset, section: str) -> set[str]:
    return {item.image for item in dataset.sections[section]}


@pytest.mark.parametrize("section", UNLABELLED)
def test_a_fold_shares_no_subject_with_what_is_learned(section):
    learned, judging = keep_out(study(), 0.2)
    assert images(learned, section) | images(judging, section) == images(study(), section)
    assert not learned.subjects[section] & judging.subjects[section]


@pytest.mark.parametrize("section", UNLABELLED)
def test_the_folds_of_all_seeds_cover_every_subject_once(section):
    kept = [keep_out(study(), 0.2, fold)[1].sections[section] for fold in range(5)]
    assert sorted(i.image for fold in kept for i in fold) == sorted(images(study(), section))
    assert max(map(len, kept)) - min(map(len, kept)) <= 2  # 55 images in all
    assert keep_out(study(), 0.2, 7)[1].sections == keep_out(study(), 0.2, 2)[1].sections


def test_no_share_keeps_nothing_out():
    whole = study()
    assert keep_out(whole, 0.0) == (whole, whole)


def test_too_few_subjects_are_all_learned_from_and_a_warning_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        learned, judging = keep_out(study(subjects=1), 0.2)
    assert learned.sections == judging.sections == study(subjects=1).sections
    assert "training_mixed has 1 subjects, too few" in caplog.text


@pytest.mark.parametrize("share", [-0.1, 0.6, True])
def test_other_shares_are_refused(share):
    with pytest.raises(UsageError, match=r"expected a share from 0 to 0\.5"):
        keep_out(study(), share)


def test_the_list_names_what_was_kept_out(tmp_path):
    split = keep_out(study(), 0.2, 1)
    write_kept_out(tmp_path, *split)
    rows = list(csv.DictReader((tmp_path / "kept_out.csv").open()))
    for section in UNLABELLED:
        assert {r["image"] for r in rows if r["section"] == section} == images(split[1], section)


def test_there_is_no_list_where_nothing_was_kept_out(tmp_path):
    write_kept_out(tmp_path, *keep_out(study(), 0.0))
    assert not list(tmp_path.iterdir())


def test_the_judges_are_counted_unless_they_were_trained_on():
    split = keep_out(study(), 0.2)
    assert judges(*split) == tuple(len(split[1].subjects[name]) for name in UNLABELLED)
    assert judges(*keep_out(study(), 0.0)) is None
