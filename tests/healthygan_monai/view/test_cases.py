import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import viewed
from monai.data import MetaTensor

from data_prep.files import write_csv, write_json
from healthygan_monai.inference.pictures import PictureSaver
from healthygan_monai.paths import picture_stem
from healthygan_monai.scoring import NoScores, ScoresError, read_scores, write_scores
from healthygan_monai.view.cases import FLAT, read_cases
from healthygan_monai.view.study import open_cases


def test_every_case_has_its_input_and_three_maps(run, data):
    cases = read_cases(run, data)
    assert cases.there == [FLAT] * 8
    for part in FLAT:
        path, kind = cases.file(3, part)
        assert kind == "image/png" and "000003" in path.name


@pytest.mark.parametrize("name", ["x.png", "a.b.png", "A B.PNG", "sub/.x.png", "c.jpeg"])
def test_infer_gives_a_picture_the_name_that_the_viewer_looks_for(tmp_path, name):
    picture = MetaTensor(torch.zeros(1, 4, 4), meta={"filename_or_obj": str(tmp_path / "d" / name)})
    PictureSaver("mask", tmp_path / "pictures", tmp_path / "d")({"mask": picture})
    assert (tmp_path / "pictures" / f"{picture_stem(name)}_mask.png").is_file()


def test_a_picture_that_is_not_there_is_no_part_of_its_case(run, data):
    cases = read_cases(run, data)
    cases.file(0, "mask")[0].unlink()
    cases.file(1, "image")[0].unlink()
    again = read_cases(run, data)
    assert again.there[:3] == [("image", "healthy", "difference"), FLAT[1:], FLAT]
    assert again.file(0, "mask") is None and again.file(1, "image") is None


def test_missing_pictures_are_said_with_what_to_do(run):
    shutil.rmtree(run / "pictures")
    notes = " ".join(read_cases(run, None).data()["notes"])
    assert "--dataset" in notes and "healthygan infer" in notes


@pytest.mark.parametrize("name", ["../secret.png", "images/../../secret.png", "/etc/hostname.png"])
def test_a_name_in_scores_csv_leads_to_no_file_outside(run, data, name):
    (run / "secret_mask.png").write_bytes(b"secret")
    (run.parent / "secret.png").write_bytes(b"secret")
    write_scores(run / "scores.csv", [replace(viewed.rows(1)[0], image=name)])
    cases = read_cases(run, data)
    assert cases.there == [()]
    assert [cases.file(0, part) for part in FLAT] == [None] * 4


def test_a_link_that_leads_out_is_not_followed(run, data, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    cases = read_cases(run, data)
    path = cases.file(0, "image")[0]
    path.unlink()
    path.symlink_to(secret)
    assert cases.file(0, "image") is None


def test_only_pictures_are_given_out(run, data):
    write_scores(run / "scores.csv", [replace(viewed.rows(1)[0], image="dataset.json")])
    (data / "dataset.json").write_text("{}")
    assert read_cases(run, data).file(0, "image") is None


def test_the_scale_ends_where_the_differences_do(run, data):
    """The drawn differences reach 0.3 of white; other methods say in scale.json what white is."""
    cases = read_cases(run, data)
    assert cases.top == pytest.approx(0.3, abs=0.02) and cases.white == 1.0
    write_json(run / "pictures" / "scale.json", {"white": 2.5})
    assert read_cases(run, data).white == 1.0  # left by another method that was scored here before
    rows = [replace(row, method="padim") for row in read_scores(run / "scores.csv")]
    write_scores(run / "scores.csv", rows)
    assert read_cases(run, data).white == 2.5


def test_a_map_of_another_method_is_called_a_map(run, data):
    rows = [replace(row, method="padim") for row in viewed.rows(8)]
    write_scores(run / "scores.csv", rows)
    assert read_cases(run, data).words()["difference"] == "Map"


def test_a_folder_without_scores_is_refused(tmp_path):
    with pytest.raises(NoScores, match=r"scores\.csv"):
        open_cases(tmp_path)


@pytest.fixture
def study(tmp_path) -> tuple[Path, Path]:
    return viewed.make_study(tmp_path)


def test_new_patients_are_cases_with_maps_in_their_own_space(study):
    cases = open_cases(*study)
    assert [row.image for row in cases.rows] == ["sub-a_ses-1", "sub-b_ses-1"]
    assert cases.there == [("image", "mask", "difference"), ("volume", "volume_map")]
    assert cases.white == 0.4
    assert [row[-1] for row in cases.data()["rows"]] == [
        "reaches the threshold · Warning: first of 2 frames",
        "below the threshold · axial slices 7 (0.0500)",
    ]


def test_the_thresholds_and_where_they_are_from_are_said(study):
    said = "Threshold of the score 0.05 (5 % false alarms promised)."
    assert open_cases(*study).data()["notes"] == [said]
    (study[0] / "about.json").write_text('{"white": 0.4, "score_threshold": "none"}')
    assert open_cases(*study).data()["notes"] == []


def test_the_name_of_an_input_is_not_shown(study):
    """links.csv and the input may name a patient."""
    assert "ROSA" not in str(open_cases(*study).data())


def test_without_the_input_the_map_of_a_volume_stands_alone(study):
    cases = open_cases(study[0])
    assert cases.there[1] == ("volume_map",)
    assert "--dataset" in " ".join(cases.data()["notes"])


def test_a_link_to_a_file_outside_of_the_input_is_not_followed(study, tmp_path):
    (tmp_path / "secret.nii.gz").write_bytes(b"secret")
    columns = ["input", "subject", "session"]
    rows = [["../secret.nii.gz", "sub-b", "ses-1"]]
    write_csv(tmp_path / "scored.links.csv", columns, rows)
    assert open_cases(*study).file(1, "volume") is None


def test_a_malformed_list_of_cases_is_refused(study):
    write_csv(study[0] / "cases.csv", ["name", "subject", "kind"], [])
    with pytest.raises(ScoresError, match=r"cases\.csv: column score"):
        open_cases(*study)
