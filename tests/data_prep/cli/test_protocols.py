import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from generated import HEADER_2020
from lgg_patient import write_patient
from PIL import Image

from data_prep import datalist
from data_prep.cli.main import main
from data_prep.inputs.find import Found
from data_prep.inputs.table import sources_of_table
from data_prep.phantom import brains
from data_prep.sources import PROTOCOLS, chestxray14, own_table
from data_prep.sources.card import write_table

SMALL = "healthy=4,mixed=2+2,validation=2+2,test=4+4"
FEW = ["--size", "32", "--jobs", "1", "-q"]


def picture(path: Path, seed: int, size: tuple[int, int] = (64, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)
    Image.fromarray(noise).save(path)


def sizes(*numbers: int) -> dict[str, int]:
    return dict(zip(datalist.SECTIONS, numbers, strict=True))


@pytest.fixture
def chest(tmp_path):
    """Twenty films of twenty patients, one of them with a box."""
    folder = tmp_path / "nih"
    rows = []
    for k in range(20):
        image = f"{k + 1:08d}_000.png"
        findings = "No Finding" if k < 12 else "Mass"
        rows.append(f"{image},{findings},0,{k + 1},{40 + k},{'MF'[k % 2]},PA,1,1,1,1")
        picture(folder / "images_001" / "images" / image, k)
    (folder / "Data_Entry_2017_v2020.csv").write_text("\n".join([HEADER_2020, *rows]), "utf-8")
    (folder / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000013_000.png,Mass,256,256,512,256,,,\n",
        "utf-8",
    )
    return folder


def test_films_with_boxes_from_protocol_to_data_set(chest, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["chestxray14", str(chest), str(out), "--counts", SMALL, "--framing", "none"]
    assert main([*arguments, *FEW]) == 0
    told = capsys.readouterr().out
    assert "AUC without any image" in told and "next: healthygan check" in told
    dataset = datalist.read(out)
    assert datalist.check(dataset, deep=True) == []
    assert {name: len(items) for name, items in dataset.sections.items()} == sizes(4, 4, 4, 8)
    (boxed,) = [item for _, item in dataset.items() if item.boxes]
    assert boxed.boxes == ((8.0, 8.0, 16.0, 8.0, "Mass"),)  # of 1024, framed to 32
    assert dataset.protocol == "chestxray14" and "NIH" in dataset.licence
    source = dataset.generated_by["source"]
    assert source["auc_alone"]["test"] and source["flaws"] and source["split"]["seed"] == 0
    people = (out / "participants.tsv").read_text("utf-8").splitlines()
    assert people[1].split("\t")[:2][0].startswith("NIH")
    assert not any(name in (out / "dataset.json").read_text("utf-8") for name in ("images_001",))
    assert main([*arguments, *FEW]) == 0
    assert "8 kept" in capsys.readouterr().out.replace("20 kept", "8 kept")
    assert datalist.read(out).content_hash == dataset.content_hash


def test_a_check_reads_no_image_and_writes_nothing(chest, tmp_path, capsys):
    (chest / "images_001" / "images" / "00000001_000.png").unlink()
    before = sorted(tmp_path.rglob("*"))
    arguments = ["chestxray14", str(chest), str(tmp_path / "out"), "--check", "--counts", SMALL]
    assert main(arguments) == 1
    told = capsys.readouterr().out
    assert "problem: 1 of 20 eligible films" in told and "test" in told and "licence" in told
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_leaves_no_table_behind(chest, tmp_path):
    out = tmp_path / "out"
    assert main(["chestxray14", str(chest), str(out), "--counts", SMALL, "-n", *FEW]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["nih"]


def test_the_written_table_gives_the_same_sources_as_the_protocol(chest, tmp_path):
    path = tmp_path / "cohort.csv"
    arguments = ["chestxray14", str(chest), str(tmp_path / "out"), "--counts", SMALL]
    assert main([*arguments, "--write-table", str(path), "-q"]) == 0
    rows = chestxray14.cohort(chest, chestxray14.Options(counts=SMALL)).rows
    sources = sources_of_table(path, chest, Found(), {}, {})
    for s, r in zip(sources, rows, strict=True):
        found = (s.name, s.who.subject, s.truth.section, s.who.age, s.who.sex)
        assert found == (r.image, r.subject, r.section, r.age, r.sex)
        assert s.truth.label == (None if r.section.startswith("training") else r.label)
        assert s.truth.boxes == r.boxes or r.section != "test"


def test_flags_that_would_change_nothing_are_refused(chest, tmp_path, capsys):
    arguments = ["chestxray14", str(chest), str(tmp_path / "out"), "--counts", SMALL, *FEW]
    assert main([*arguments, "--test", "0.5"]) == 2
    assert "--test has no meaning for chestxray14" in capsys.readouterr().err
    assert main([*arguments, "--table", "x.csv"]) == 2


def test_no_image_at_all_is_refused(chest, tmp_path, capsys):
    for path in chest.rglob("*.png"):
        path.unlink()
    assert main(["chestxray14", str(chest), str(tmp_path / "out"), "--counts", SMALL, *FEW]) == 1
    assert "none of the images is there" in capsys.readouterr().err


def test_migraine_from_volumes_to_data_set(tmp_path, capsys):
    volume = next(brains.make_brains(tmp_path / "heads", counts={"test": 1}).rglob("*.nii*"))
    image = nibabel.load(volume)
    for k, name in enumerate(["IXI002-Guys-0828", "IXI012-HH-1211"]):
        save_like(image, tmp_path / "in" / "IXI" / f"{name}-T1.nii.gz", k + 6)
    for k in range(6):
        save_like(image, tmp_path / "in" / "clinic" / f"m{k}_t1.nii.gz", k)
    (tmp_path / "in" / "cohort.yaml").write_text(
        "site: Mayo\nhealthy: [m0, m1, m2]\ndiseased: [m3, m4, m5]\n", "utf-8"
    )
    counts = ["--counts", "healthy=2,mixed=1+1,validation=1+1,test=1+1"]
    out = tmp_path / "out"
    few = ["--size", "32", "--jobs", "1", "-q", "--range", "40%:60%", "--step", "8mm"]
    assert main(["migraine", str(tmp_path / "in"), str(out), *counts, *few]) == 0
    assert "mixed from healthy training images): site 1.00" in capsys.readouterr().out
    dataset = datalist.read(out)
    assert datalist.check(dataset) == [] and dataset.protocol == "migraine"
    people = [p.split("\t") for p in (out / "participants.tsv").read_text("utf-8").splitlines()]
    assert {p[3] for p in people[1:]} == {"Guys", "HH", "Mayo"}


def save_like(image, path: Path, k: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.roll(np.asarray(image.dataobj), k, axis=0) * (1 + k / 10)  # another head
    nibabel.save(nibabel.Nifti1Image(data.astype(np.float32), image.affine), path)


def test_own_images_by_table_with_groups_and_people(tmp_path, capsys):
    lines = ["file;who;state;scanner;years"]
    for k in range(30):
        picture(tmp_path / "in" / "deep" / f"{k}.png", k)
        lines.append(f"{k}.png;p{k};{('healthy', 'diseased')[k % 2]};{'AB'[k % 2]};{30 + k}")
    table = tmp_path / "registry.csv"
    table.write_text("\n".join(lines), "utf-8")
    columns = "image=file,subject=who,group=state,site=scanner,age=years"
    out = tmp_path / "out"
    arguments = ["csv", str(tmp_path / "in"), str(out), "--table", str(table), "--columns", columns]
    assert main([*arguments, *FEW]) == 0
    assert "classes, test): site 1.00" in capsys.readouterr().out
    dataset = datalist.read(out)
    assert datalist.check(dataset) == []
    assert dataset.generated_by["source"]["auc_alone"]["test"]["site"] == 1.0
    assert len(dataset.sections["test"]) == 6


def test_own_table_gives_the_same_sections_as_films_with_that_table(tmp_path):
    lines = ["image,subject,group"]
    for k in range(20):
        picture(tmp_path / "in" / f"{k}.png", k)
        lines.append(f"{k}.png,p{k},{('healthy', 'diseased')[k % 2]}")
    table = tmp_path / "cohort.csv"
    table.write_text("\n".join(lines), "utf-8")
    same = ["--table", str(table), "--pseudonyms", "given", *FEW]
    for command in ("films", "csv"):
        assert main([command, str(tmp_path / "in"), str(tmp_path / command), *same]) == 0
    films, own = (datalist.read(tmp_path / command) for command in ("films", "csv"))
    assert films.sections == own.sections
    cohort = own_table.cohort(tmp_path / "in", own_table.Options(table=table))
    write_table(cohort.rows, tmp_path / "again.csv")
    same = ["--table", str(tmp_path / "again.csv"), "--pseudonyms", "given", *FEW]
    assert main(["films", str(tmp_path / "in"), str(tmp_path / "third"), *same]) == 0
    assert datalist.read(tmp_path / "third").sections == films.sections


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_shows_its_card_in_its_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    told = capsys.readouterr().out
    assert stop.value.code == 0
    for word in ("licence:", "expected below INPUT", "to be read with:", "--check"):
        assert word in told


def test_metadata_of_full_size_is_checked(chest_folder, tmp_path, capsys):
    code = main(["chestxray14", str(chest_folder), str(tmp_path / "out"), "--check"])
    assert code == 1
    assert "57,130 of 57,130 eligible films are not below" in capsys.readouterr().out


def test_a_table_with_wrong_people_is_reported_and_costs_no_image_but_for_its_boxes(
    tmp_path, caplog
):
    picture(tmp_path / "a.png", 0)
    path = tmp_path / "t.csv"
    boxes = json.dumps([[1, 2]]).replace('"', '""')
    path.write_text(f'image,subject,section,age,boxes\na.png,p,test,old,"{boxes}"\n', "utf-8")
    with pytest.raises(datalist.DataError) as error:
        sources_of_table(path, tmp_path, Found(), {}, {})
    assert "in 1 rows the age is not a number of years; it counts as unknown" in caplog.text
    assert "line 2: boxes are not a list" in str(error.value)
    path.write_text(f"image,subject,section,boxes\na.png,p,test,{'[' * 70_000}\n", "utf-8")
    with pytest.raises(datalist.DataError, match="line 2: boxes are not a list"):
        sources_of_table(path, tmp_path, Found(), {}, {})
    path.write_text(f"image,subject,section,site\na.png,p,test,{'a long tale ' * 9}\n", "utf-8")
    (source,) = sources_of_table(path, tmp_path, Found(), {}, {})
    assert source.who.site is None and "in 1 rows the site" in caplog.text


def test_covidx_from_png_and_dicom_to_data_set(tmp_path, make_dicom, capsys):
    """make_dicom writes below tmp_path, so INPUT is there; classes are named by the lists alone."""
    folder = tmp_path / "covid"
    lines = []
    for k in range(20):
        pixels = np.random.default_rng(k).integers(0, 255, (48, 48), dtype=np.uint8)
        make_dicom(pixels, f"covid/stage_2/r{k}.dcm", PatientID=f"r{k}")
        lines.append(f"r{k} r{k}.png negative rsna")
    for k in range(24):
        picture(folder / "data" / "train" / f"c{k}.png", 100 + k)
        kind = ("negative", "positive")[k % 2]
        lines.append(f"{k} c{k}.png {kind} cohen")
    (folder / "train_COVIDx7B.txt").write_text("\n".join(lines[:-4]), "utf-8")
    (folder / "test_COVIDx7B.txt").write_text("\n".join(lines[-4:]), "utf-8")
    counts = ["--counts", "healthy=15,mixed=7+2,validation=4+4,test=4+4"]
    out = tmp_path / "out"
    assert main(["covidx", str(folder), str(out), *counts, *FEW]) == 0
    told = capsys.readouterr().out
    assert "classes, all): site 0.80" in told and "rsna" in told
    dataset = datalist.read(out)
    assert datalist.check(dataset, deep=True) == []
    assert {name: len(items) for name, items in dataset.sections.items()} == sizes(9, 15, 8, 8)
    source = dataset.generated_by["source"]
    assert source["auc_alone"]["all"]["site"] > 0.75
    assert source["site_by_class"]["test"] == {"cohen": {"healthy": 4, "diseased": 4}}


def test_lgg_from_colour_slices_to_data_set_with_masks(tmp_path, capsys):
    for k in range(6):
        write_patient(tmp_path / "in", f"TCGA_CS_{4900 + k}")
    out = tmp_path / "out"
    arguments = ["lgg", str(tmp_path / "in"), str(out), "--test", "0.3", *FEW]
    assert main(arguments) == 0
    dataset = datalist.read(out)
    assert datalist.check(dataset, deep=True) == []
    tested = dataset.sections["test"]
    assert {item.label for item in tested} == {0, 1}
    assert all(item.mask for item in tested)
    assert not any(item.mask for item in dataset.sections["training_mixed"])
    capsys.readouterr()
    assert main(arguments) == 0
    assert "0 written" in capsys.readouterr().out
