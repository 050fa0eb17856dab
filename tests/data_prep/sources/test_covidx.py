import time
from dataclasses import replace

import pytest
from generated import COVIDX_TEST, COVIDX_TRAIN, covidx_lines, text_hash, uuid_like, write_covidx

from data_prep.datalist import DataError
from data_prep.sources import covidx
from data_prep.sources.covidx import Options, read_list

TRAINING = {"training_mixed": (3663, 1570), "training_healthy": (10031, 0)}
PAPER = {**TRAINING, "validation": (100, 100), "test": (100, 100)}


def test_lines_are_taken_apart_from_the_right(tmp_path):
    path = tmp_path / "train_COVIDx7B.txt"
    path.write_text(
        "COVID 216 COVID(216).png positive sirm\n\n"
        f"{uuid_like(1)} {uuid_like(1)}.png normal\n"
        "8 SARS-Fig5-day9.jpeg pneumonia cohen\n"
        "ANON7 DX.1.2.png COVID-19\n",
        "utf-8",
    )
    films = read_list(path, tested=False)
    assert [(f.patient, f.name, f.label, f.source) for f in films] == [
        ("COVID 216", "COVID(216).png", 1, "sirm"),
        (uuid_like(1), f"{uuid_like(1)}.png", 0, "rsna"),
        ("8", "SARS-Fig5-day9.jpeg", 0, "cohen"),
        ("ANON7", "DX.1.2.png", 1, "actmed"),
    ]


def test_a_line_that_is_none_is_refused_by_its_number(tmp_path):
    path = tmp_path / "train_COVIDx7B.txt"
    path.write_text("a a.png negative rsna\nb b.png maybe rsna\nc\n", "utf-8")
    with pytest.raises(DataError, match=r"2 lines are not .* first line 2"):
        read_list(path, tested=False)


def test_the_paper_counts_are_reached_with_every_subject_in_one_section(covidx_folder):
    start = time.monotonic()
    cohort = covidx.cohort(covidx_folder, Options())
    assert time.monotonic() - start < 20  # about a second where nothing else runs
    assert cohort.counts() == PAPER
    assert len({row.image for row in cohort.rows}) == len(cohort.rows) == 15_664
    homes: dict[str, set[str]] = {}
    for row in cohort.rows:
        homes.setdefault(row.subject, set()).add(row.section)
    assert all(len(sections) == 1 for sections in homes.values())


def test_the_source_alone_tells_nothing_in_validation_and_test(covidx_folder):
    facts = covidx.cohort(covidx_folder, Options()).facts
    assert facts["split"] == {"rule": "subjects", "seed": 0, "sources_matched": True}
    assert facts["auc_alone"]["test"]["site"] == facts["auc_alone"]["validation"]["site"] == 0.5
    assert facts["auc_alone"]["all"]["site"] > 0.99
    tested = facts["site_by_class"]["test"]
    assert all(pair["healthy"] == pair["diseased"] for pair in tested.values())


def test_a_subject_with_films_of_both_classes_is_in_the_mixed_set(covidx_folder):
    rows = covidx.cohort(covidx_folder, Options(seed=3)).rows
    labels: dict[str, set[int | None]] = {}
    for row in rows:
        labels.setdefault(row.subject, set()).add(row.label)
    both = {subject for subject, known in labels.items() if len(known) == 2}
    assert len(both) == 5
    assert {row.section for row in rows if row.subject in both} == {"training_mixed"}


def test_the_seed_decides_and_the_split_is_the_same_on_any_machine(covidx_folder, tmp_path):
    first = text_hash(covidx.cohort(covidx_folder, Options()).rows, tmp_path / "a.csv")
    assert first == "64040ac0520833c49ad9d98f1c08d0f51215eea5a920cd9fe2cb803cf1c2abcc"
    other = text_hash(covidx.cohort(covidx_folder, Options(seed=1)).rows, tmp_path / "b.csv")
    assert other != first


def test_the_authors_rule_sorts_and_slices(covidx_folder):
    """Reference: sorted negatives[100:3763] + positives[100:], negatives[3763:], the test list."""
    cohort = covidx.cohort(covidx_folder, Options(split="authors"))
    words = [line.split() for line in covidx_lines(COVIDX_TRAIN, False)]
    negatives = sorted(w[-3] for w in words if w[-2] == "negative")
    positives = sorted(w[-3] for w in words if w[-2] == "positive")
    told = {
        name: sorted(r.image for r in cohort.rows if r.section == name) for name in cohort.counts()
    }
    assert told["training_mixed"] == sorted(negatives[100:3763] + positives[100:])
    assert told["training_healthy"] == sorted(negatives[3763:])
    assert told["validation"] == sorted(negatives[:100] + positives[:100])
    assert told["test"] == sorted(line.split()[-3] for line in covidx_lines(COVIDX_TEST, True))
    assert cohort.counts() == PAPER
    assert cohort.facts["split"]["patients_in_two_sections"] > 0
    assert "patients have films in more than one section" in cohort.warnings[0]


def test_later_versions_are_tested_on_twice_as_many(tmp_path):
    more = {**COVIDX_TEST, "ricord": (0, 100), "rsna": (179, 0)}
    write_covidx(tmp_path, "8B")
    lines = covidx_lines({**more, "cohen": (101, 139)}, True)
    (tmp_path / "test_COVIDx8B.txt").write_text("\n".join(lines), "utf-8")
    cohort = covidx.cohort(tmp_path, Options())
    assert cohort.facts["lists"] == "COVIDx 8B"
    assert cohort.counts()["test"] == (200, 200)


def test_three_classes_are_two_and_pneumonia_may_be_left_out(tmp_path):
    lines = [f"{k} n{k}.png normal" for k in range(40)]
    lines += [f"p{k} p{k}.png pneumonia" for k in range(9)]
    lines += [f"c{k} c{k}.png COVID-19" for k in range(30)]
    (tmp_path / "train_COVIDx7A.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "test_COVIDx7A.txt").write_text("t t.png normal\nu u.png COVID-19\n", "utf-8")
    small = Options(counts="healthy=20,mixed=10+10,validation=4+4,test=4+4")
    assert sum(h for h, _ in covidx.cohort(tmp_path, small).counts().values()) == 38
    out = covidx.cohort(tmp_path, replace(small, pneumonia="out"))
    assert not any(row.image.startswith("p") for row in out.rows)


def test_png_or_dicom_anywhere_below_the_folder_will_do(covidx_folder, tmp_path):
    write_covidx(tmp_path)
    (tmp_path / "stage_2_train_images").mkdir()
    (tmp_path / "stage_2_train_images" / f"{uuid_like(5)}.dcm").touch()
    (tmp_path / "data" / "train").mkdir(parents=True)
    (tmp_path / "data" / "train" / "COVID (216).png").touch()
    rows = covidx.cohort(tmp_path, Options()).rows
    there = sorted(row.image for row in rows if "/" in row.image)
    assert there == ["data/train/COVID (216).png", f"stage_2_train_images/{uuid_like(5)}.dcm"]


def test_short_lists_and_missing_ones_are_refused_helpfully(tmp_path):
    with pytest.raises(DataError, match=r"no train_COVIDx7B.txt .*github.com/lindawangg"):
        covidx.cohort(tmp_path, Options())
    write_covidx(tmp_path)
    path = tmp_path / "train_COVIDx7B.txt"
    lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join(lines[:8000]), "utf-8")
    with pytest.raises(DataError, match=r"13,894 healthy and 1,770 diseased .* --counts healthy="):
        covidx.cohort(tmp_path, Options())
    (tmp_path / "test_COVIDx7B.txt").unlink()
    with pytest.raises(DataError, match=r"test_COVIDx7B.txt is missing"):
        covidx.cohort(tmp_path, Options())


def test_the_verifier_counts_missing_films_by_source(covidx_folder):
    (problem,) = covidx.verify(covidx_folder, Options())
    assert "15,664 of 15,664 films" in problem and "rsna 13,468" in problem and "DICOM" in problem
