import csv
import json
import re
from pathlib import Path

import hazards
import numpy as np
import pytest
from flat_settings import settings
from PIL import Image
from planted import PLANTED

from data_prep import datalist
from data_prep.datalist import DataError, LeakError
from data_prep.demo import make_demo
from data_prep.errors import UsageError
from data_prep.frame import png
from data_prep.phantom import study as phantom
from data_prep.pipeline import run

COUNTS = {"training_mixed": 6, "training_healthy": 5, "validation": 4, "test": 6}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    return phantom.make_films(folder, seed=1, counts=COUNTS, size=64, bad=True)


def toy(study: Path, output: Path, **others):
    common = {"table": study / "cohort.csv", "size": 32, "framing": "centre", "name": "toy"}
    common |= {"pseudonyms": "given"}  # the same in every run; a key is not
    return settings(study, output, **{**common, **others})


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_study_becomes_a_sound_data_set_and_its_bad_files_are_listed(study, tmp_path):
    result = run(toy(study, tmp_path / "out"))
    assert result.exit_code == 3
    dataset = datalist.read(tmp_path / "out")
    assert datalist.check(dataset, deep=True) == []
    assert {name: len(items) for name, items in dataset.sections.items()} == COUNTS
    with (tmp_path / "out" / "skipped.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == [f"films/IM900{k}.dcm" for k in range(1, 5)]
    assert len({row["reason"] for row in rows}) == 4 and all(row["remedy"] for row in rows)
    assert "25 films found  21 written  0 kept from before  3 skipped  1 left out" in result.summary
    assert not list((tmp_path / "out").rglob("*.tmp"))
    patients = (tmp_path / "out" / "participants.tsv").read_text(encoding="utf-8").splitlines()
    columns = "participant_id section group site age sex sessions images label"
    assert patients[0].split("\t") == columns.split()
    assert len(patients) - 1 == len(set.union(*dataset.subjects.values()))


def test_the_number_of_jobs_does_not_change_a_byte(study, tmp_path):
    run(toy(study, tmp_path / "one", jobs=1))
    run(toy(study, tmp_path / "two", jobs=2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_image_and_mask_on_disk_are_the_drawn_ones(study, tmp_path):
    run(toy(study, tmp_path / "out", size=64, framing="none"))
    dataset = datalist.read(tmp_path / "out")
    plan = {f"phantom-{e.subject:04d}-{e.visit}": e for e in phantom._plan(1, COUNTS)}
    seen = 0
    for item in dataset.sections["test"]:
        candidates = [e for name, e in plan.items() if name.startswith(item.subject)]
        image = png.load(dataset.image_path(item)) / 255
        errors = []
        for entry in candidates:
            drawn, mask = phantom._draw(1, entry, 64)
            errors.append(np.abs(drawn - image).max())
            if item.mask is not None and errors[-1] < 0.01:
                assert ((png.load(dataset.mask_path(item)) > 0) == mask).all()
                seen += 1
        assert min(errors) < 0.01
        assert (item.mask is not None) == (item.label == 1)
    assert seen == 3


def test_a_second_run_keeps_what_is_up_to_date_and_makes_again_what_is_not(study, tmp_path):
    import shutil

    raw, out = tmp_path / "raw", tmp_path / "out"
    shutil.copytree(study, raw)
    run(toy(raw, out))
    before = contents(out)
    again = run(toy(raw, out))
    assert [o.status for o in again.outcomes].count("kept") == 21
    assert contents(out) == before
    item = datalist.read(out).sections["test"][0]
    (out / item.image).unlink()
    first, second = raw / "films/IM0001.dcm", raw / "films/IM0002.dcm"
    first.write_bytes(second.read_bytes())  # now a copy, which is left out
    counts = [o.status for o in run(toy(raw, out)).outcomes]
    assert counts.count("written") == 2 and counts.count("left") == 2
    assert (out / item.image).is_file()
    smaller = run(toy(raw, out, size=24))
    assert [o.status for o in smaller.outcomes].count("written") == 20
    assert datalist.check(datalist.read(out), deep=True) == []


def test_overwrite_makes_all_again_and_fail_refuses(study, tmp_path):
    out = tmp_path / "out"
    run(toy(study, out))
    again = run(toy(study, out, existing="overwrite"))
    assert [o.status for o in again.outcomes].count("written") == 21
    with pytest.raises(UsageError, match="not empty"):
        run(toy(study, out, existing="fail"))


def test_a_dry_run_tells_everything_and_writes_nothing(study, tmp_path):
    result = run(toy(study, tmp_path / "out", dry_run=True))
    assert "21 would be written" in result.summary and result.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_too_many_skipped_is_a_failure_without_a_data_set(study, tmp_path):
    result = run(toy(study, tmp_path / "out", max_skipped=0.05))
    assert result.exit_code == 1 and "more than the 5.0% allowed" in result.summary
    assert not (tmp_path / "out" / "dataset.json").exists()
    assert (tmp_path / "out" / "skipped.csv").is_file()
    assert run(toy(study, tmp_path / "out", max_skipped=0.5)).exit_code == 3


def test_a_leak_stops_before_anything_is_written_and_is_named(study, tmp_path):
    text = (study / "cohort.csv").read_text(encoding="utf-8")
    subject = re.search(r"(phantom-\d{4}),test", text)[1]  # type: ignore[index]
    table = tmp_path / "cohort.csv"
    table.write_text(text.replace("IM9001.dcm,phantom-9001", f"IM9001.dcm,{subject}"))
    with pytest.raises(LeakError, match=subject):
        run(toy(study, tmp_path / "out", table=table))
    assert not (tmp_path / "out").exists()


def test_nothing_of_the_patient_is_found_in_any_output(tmp_path, make_dicom, ramp, prepare, caplog):
    name, patient = PLANTED[0], PLANTED[2]
    make_dicom(ramp, f"raw/{name}_{patient}/IM1.dcm")
    make_dicom(ramp, f"raw/{name}_{patient}/IM2.dcm", Modality="CT")
    make_dicom(ramp, "raw/bad.dcm", WindowCenter="9", ImageComments=name, Rows=77)
    make_dicom(ramp, "raw/odd.dcm", ViewPosition=name.upper(), BodyPartExamined=name.upper())
    with caplog.at_level("DEBUG"):
        result = prepare()
    assert sorted(o.status for o in result.outcomes) == ["left", "left", "skipped", "written"]
    said = {"summary": result.summary.encode(), "log": caplog.text.encode()}
    for where, data in {**contents(tmp_path / "out"), **said}.items():
        for planted in PLANTED:
            assert planted.lower().encode() not in data.lower(), where
            assert planted.lower() not in where.lower()
    assert "***_***/IM2.dcm" in result.summary


def test_the_masks_geometry_must_be_the_films(study, tmp_path):
    import shutil

    raw = tmp_path / "raw"
    shutil.copytree(study, raw)
    mask = next((raw / "masks").iterdir())
    Image.new("L", (10, 10), 255).save(mask)
    result = run(toy(raw, tmp_path / "out"))
    reasons = [o.reason for o in result.outcomes if mask.stem in o.source]
    assert reasons == ["the mask does not have the film's rows and columns"]


def test_sixteen_bits_hold_more_grey_levels(study, tmp_path):
    run(toy(study, tmp_path / "out", bits=16, intensity="minmax"))
    dataset = datalist.read(tmp_path / "out")
    assert dataset.bit_depth == 16 and datalist.check(dataset, deep=True) == []
    image = png.load(dataset.image_path(dataset.sections["test"][0]))
    assert image.dtype == np.uint16 and image.min() == 0 and image.max() == 65535


def test_where_every_input_is_bad_the_run_fails_and_says_why(tmp_path, prepare):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.dcm").write_bytes(b"")
    result = prepare()
    assert result.exit_code == 1 and result.dataset is None
    assert "empty file" in result.summary
    (tmp_path / "raw" / "a.dcm").unlink()
    with pytest.raises(DataError, match="nothing to prepare"):
        prepare()


def test_files_that_are_no_images_are_listed_but_for_tables_and_readmes(tmp_path, prepare):
    (tmp_path / "raw").mkdir()
    for name in ("notes.txt", "meier.gif", "README.md", "participants.tsv"):
        (tmp_path / "raw" / name).write_text("GIF89a, or not")
    (tmp_path / "raw" / "a.dcm").write_bytes(b"")
    outcomes = prepare(pseudonyms="given").outcomes
    assert sorted(o.source for o in outcomes) == ["a.dcm", "meier.gif", "notes.txt"]
    outcomes = prepare(existing="overwrite").outcomes
    # where names are secret, a name that no header explains could be a patient's
    assert sorted(o.source for o in outcomes) == ["***.gif", "a.dcm", "notes.txt"]


def test_the_demo_is_made_once_and_reused(tmp_path):
    counts = {"training_mixed": 3, "training_healthy": 3, "validation": 2, "test": 2}
    path = make_demo(tmp_path / "demo", image_size=32, counts=counts)
    dataset = datalist.read(path)
    assert dataset.protocol == "demo" and dataset.image_size == 32
    assert datalist.check(dataset, deep=True) == []
    stamp = path.stat().st_mtime_ns
    assert make_demo(tmp_path / "demo", image_size=32) == path
    assert path.stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match="32 x 32"):
        make_demo(tmp_path / "demo", image_size=64)
    path.unlink()  # as after an interruption
    make_demo(tmp_path / "demo", image_size=32, counts=counts)
    assert json.loads(path.read_text(encoding="utf-8"))["content_hash"] == dataset.content_hash


@pytest.mark.parametrize(
    ("hazard", "reason"),
    [
        ("crash", "the decoder crashed on this input"),
        ("hang", "it took too long: the decoder hangs, or the file is huge"),
        ("swallow", "it needs more memory than one input may take"),
    ],
)
def test_a_decoder_that_fails_badly_costs_one_file_not_the_run(
    study, tmp_path, monkeypatch, hazard, reason
):
    from data_prep import per_input

    monkeypatch.setattr(per_input, "process_one", getattr(hazards, f"{hazard}_at_film_3"))
    table = tmp_path / "few.csv"
    lines = (study / "cohort.csv").read_text(encoding="utf-8").splitlines()[:5]
    table.write_text("\n".join(re.sub(r",(\w+)(,\w?,).*", r",test,,", x) for x in lines))
    limits = {"seconds": 4.0, "memory": 1 << 29}
    outcomes = run(toy(study, tmp_path / "out", table=table, jobs=2, **limits)).outcomes
    assert [o.reason for o in outcomes if o.status == "skipped"] == [reason]
    assert sum(o.status == "written" for o in outcomes) == 3


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(study, tmp_path, monkeypatch):
    from data_prep import per_input

    out = tmp_path / "out"
    monkeypatch.setattr(per_input, "process_one", hazards.disk_full_at_film_3)
    with pytest.raises(OSError, match="No space left"):
        run(toy(study, out))
    assert not (out / "dataset.json").exists() and not list(out.rglob("*.tmp"))
    assert not (out / ".work").exists()
    monkeypatch.undo()
    again = run(toy(study, out))
    assert again.dataset is not None and any(o.status == "kept" for o in again.outcomes)
    run(toy(study, tmp_path / "whole"))
    assert contents(out) == contents(tmp_path / "whole")


def test_a_label_that_was_changed_against_its_mask_is_refused_by_a_second_run_too(
    make_dicom, ramp, tmp_path, prepare
):
    for k in range(2):
        make_dicom(np.roll(ramp, k, axis=1), f"raw/{k}.dcm", PatientID=f"P{k}")
    png.save(np.ones(ramp.shape, bool), tmp_path / "mask.png")
    table = tmp_path / "t.csv"
    for label, written in ((1, 2), (0, 1)):
        rows = f"0.dcm,a,test,{label},mask.png\n1.dcm,b,validation,0,\n"
        table.write_text(f"image,subject,section,label,mask\n{rows}")
        result = prepare(table=table)
        assert sum(o.taken for o in result.outcomes) == written


def test_a_known_healthy_image_with_a_lesion_is_left_out_of_training(
    make_dicom, ramp, tmp_path, prepare
):
    for k in range(3):
        make_dicom(np.roll(ramp, k, axis=1), f"raw/{k}.dcm", PatientID=f"P{k}")
    png.save(np.ones(ramp.shape, bool), tmp_path / "full.png")
    png.save(np.zeros(ramp.shape, bool), tmp_path / "none.png")
    sections = ("healthy", "healthy", "mixed")
    masks = ("full", "none", "full")  # of a mixed image nobody asks
    rows = [f"{k}.dcm,s{k},{sections[k]},{masks[k]}.png" for k in range(3)]
    (tmp_path / "t.csv").write_text("\n".join(["image,subject,section,mask", *rows]) + "\n")
    result = prepare(table=tmp_path / "t.csv")
    assert sorted(o.source for o in result.outcomes if o.taken) == ["1.dcm", "2.dcm"]
    assert not list((tmp_path / "out").rglob("*_mask.png"))
