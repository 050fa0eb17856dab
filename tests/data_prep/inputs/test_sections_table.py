import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flat_settings import settings
from PIL import Image

from data_prep.datalist import DataError, LeakError
from data_prep.errors import HealthyGANError
from data_prep.inputs import sections
from data_prep.inputs.find import find
from data_prep.inputs.gather import find_inputs
from data_prep.inputs.plan import plan
from data_prep.inputs.table import sources_of_table
from data_prep.settings import Settings
from data_prep.source import Source, Truth, Who
from data_prep.work.pools import Inline

PATIENTS = {"subject": "patients"}


def planned(settings: Settings) -> list[Source]:
    """What a run would do before any pixel, with a key of the pseudonyms that every run has."""
    pool, cohort = Inline(), replace(settings.cohort, salt=b"k" * 32)
    found = find_inputs(settings.input, settings.kind, cohort, (), pool)
    return plan(found, settings.input, cohort, pool)


def test_the_sections_of_a_table_do_not_depend_on_the_key(tmp_path):
    names = [f"{k}.png" for k in range(20)]
    pictures(tmp_path, *names)
    rows = [f"{n},P{k},{('healthy', 'diseased')[k % 2]}" for k, n in enumerate(names)]
    (tmp_path / "t.csv").write_text("image,subject,group\n" + "\n".join(rows), encoding="utf-8")
    found = []
    for pseudonyms in ("keyed", "given"):
        chosen = settings(tmp_path, tmp_path / "o", table=tmp_path / "t.csv", pseudonyms=pseudonyms)
        found.append({s.name: s.truth.section for s in planned(chosen)})
        subjects = {s.who.subject for s in planned(chosen)}
        assert all(name.startswith("sub-") for name in subjects) is (pseudonyms == "keyed")
    assert found[0] == found[1]


@pytest.mark.parametrize("pseudonyms", ["keyed", "given"])
def test_a_patient_in_two_sections_of_a_table_is_named_by_lines(tmp_path, pseudonyms):
    pictures(tmp_path, "a.png", "b.png")
    table = tmp_path / "t.csv"
    table.write_text("image,subject,section\na.png,Meier,test\nb.png,Meier,val\n", "utf-8")
    chosen = settings(tmp_path, tmp_path / "o", table=table, pseudonyms=pseudonyms)
    with pytest.raises(LeakError, match=r"test \(line 2\), validation \(line 3\)") as error:
        planned(chosen)
    assert ("Meier" in str(error.value)) is (pseudonyms == "given")


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("IM1.dcm,Meier,test\nIM2.dcm,Busch,test\n", {}),  # no first line of names
        ("Meier^Anna;1\nBusch^Ida;0\n", {}),
        ("image,who\na.png,Meier\nb.png,Busch\n", {"columns": {"subject": "who"},
                                                   "where": {"who": "Meyer"}}),
        ("image,subject,label\na.png,P1,Meier\n", {}),
        ("image,subject,group\na.png,P1,Meier\n", {}),
        ("image,subject,mask\na.png,P1,Meier_Anna/mask.png\n", {}),
        ("image,subject,boxes\na.png,P1,Meier\n", {}),
    ],
)  # fmt: skip
def test_an_error_of_a_table_quotes_no_cell_that_may_name_a_patient(tmp_path, text, others):
    pictures(tmp_path, "a.png", "b.png")
    with pytest.raises(HealthyGANError) as error:
        read_table(tmp_path, text, **others)
    assert not re.search("Meier|Busch|Anna|Ida", str(error.value)), error.value


def a_source(subject: str, **truth) -> Source:
    name = f"{subject}.png"
    return Source(name, Path(name), "picture", who=Who(subject), truth=Truth(**truth))


def pictures(folder: Path, *names: str) -> None:
    for k, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.arange(24 * 24, dtype=np.uint16).reshape(24, 24) + k
        Image.fromarray((pixels % 256).astype(np.uint8)).save(path)


def read_table(folder: Path, text: str, **others) -> list[Source]:
    table = folder / "cohort.csv"
    table.write_text(text, encoding="utf-8")
    return sources_of_table(
        table, folder, find(folder), others.get("columns", {}), others.get("where", {})
    )


def test_a_subject_in_two_sections_is_refused_and_named():
    sources = [a_source("sub-007", section="test"), a_source("sub-007", section="validation")]
    with pytest.raises(LeakError, match="sub-007: test, validation"):
        sections.verify([*sources, a_source("sub-008", section="test")])


def test_groups_are_split_by_subject_and_the_seed_decides():
    sources = [
        a_source(f"{group}-{k:02d}", group=group)
        for group in ("healthy", "diseased")
        for k in range(40)
        for _ in range(2)
    ]
    first = sections.by_group(sources, seed=1)
    sections.verify(first)
    assert sections.by_group(sources[::-1], seed=1)[::-1] == first
    assert sections.by_group(sources, seed=2) != first
    count = {
        name: {s.who.subject for s in first if s.truth.section == name}
        for name in sections.SECTION_NAMES
    }
    assert len(count["validation"]) == 8 and len(count["test"]) == 16
    assert all(s.startswith("healthy") for s in count["training_healthy"])
    mixed = {s.split("-")[0] for s in count["training_mixed"]}
    assert mixed == {"healthy", "diseased"}
    assert {s.truth.label for s in first if s.truth.section == "test"} == {0, 1}


def test_a_mixed_group_stays_mixed_and_leaves_all_other_healthy_subjects_healthy():
    sources = [a_source(f"{g}{k}", group=g) for g in sections.GROUPS for k in range(20)]
    result = sections.by_group(sources, seed=0)
    where = {s.who.subject: s.truth.section for s in result}
    assert {where[f"mixed{k}"] for k in range(20)} == {"training_mixed"}
    assert sum(section == "training_healthy" for section in where.values()) == 14


def test_a_subject_who_fell_ill_is_kept_together():
    sources = [a_source("p", group="healthy"), a_source("p", group="diseased")]
    sources += [a_source(f"h{k}", group="healthy") for k in range(9)]
    sources += [a_source(f"d{k}", group="diseased") for k in range(9)]
    result = sections.by_group(sources, seed=0)
    sections.verify(result)
    assert "training_healthy" not in {s.truth.section for s in result if s.who.subject == "p"}


def test_training_sources_lose_their_truth():
    mask = Path("m.png")
    known = [a_source(name, section=name, label=1, mask=mask) for name in sections.SECTION_NAMES]
    stripped = {
        s.truth.section: (s.truth.label, s.truth.mask)
        for s in sections.without_training_truth(known)
    }
    assert stripped["training_mixed"] == stripped["training_healthy"] == (None, None)
    assert stripped["validation"] == stripped["test"] == (1, mask)


@pytest.mark.parametrize(
    ("section", "known", "looked_at"),
    [
        ("training_healthy", {}, True),
        ("training_mixed", {"group": "healthy"}, True),
        ("training_mixed", {"label": 0}, True),
        ("training_mixed", {"group": "diseased"}, False),
        ("training_mixed", {"label": 1}, False),
        ("training_mixed", {}, False),
    ],
)
def test_the_mask_of_a_known_healthy_image_must_be_empty_in_either_set(section, known, looked_at):
    mask = Path("m.png")
    (found,) = sections.without_training_truth([a_source("a", section=section, mask=mask, **known)])
    assert found.truth.must_be_empty == (mask if looked_at else None)


@pytest.mark.parametrize("alias", ["val", "Validation", "valid", "dev"])
def test_aliases_of_sections(alias):
    assert sections.section_of(alias) == "validation"
    assert sections.section_of("train-mixed") == "training_mixed"
    assert sections.section_of("elsewhere") is None


def test_a_table_renames_filters_and_finds_files_by_path_or_bare_name(tmp_path):
    pictures(tmp_path, "deep/er/a.png", "b.png", "c.png")
    text = "path;who;part;truth;set\na.png;P1;val;disease;x\nb.png;P2;test;0;x\nc.png;P3;?;0;y\n"
    columns = {"image": "path", "subject": "who", "section": "part", "label": "truth"}
    sources = read_table(tmp_path, text, columns=columns, where={"set": "x"})
    found = [(s.who.subject, s.truth.section, s.truth.label) for s in sources]
    assert found == [("P1", "validation", 1), ("P2", "test", 0)]
    assert sources[0].path == tmp_path / "deep/er/a.png"


def test_a_file_the_table_names_in_vain_is_kept_to_be_listed(tmp_path):
    sources = read_table(tmp_path, "image,subject,section\nnone.dcm,P1,test\n")
    assert [s.kind for s in sources] == ["missing"]


def test_all_problems_of_a_table_come_at_once(tmp_path):
    pictures(tmp_path, "a.png")
    text = "image,subject,section,label\na.png,,test,0\na.png,P2,Meier,0\nb.png,P3,test,7\n"
    blank = "\0 \0" if sys.version_info >= (3, 11) else " "  # 3.10 reads no table with a NUL
    text += f"c.png,{blank},test,0\n"
    with pytest.raises(DataError) as error:
        read_table(tmp_path, text)
    for told in (
        "line 2: subject is empty",
        "line 5: subject is empty",
        "same image as line 2",
        "line 3: section '***'",
        "label '7'",
    ):
        assert told in str(error.value)
    assert "Meier" not in str(error.value)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"columns": {"subject": "patient"}}, "did you mean 'patients'"),
        ({"columns": {"subjekt": "x"}}, "expected one of image"),
        ({"columns": PATIENTS, "where": {"sett": "x"}}, "did you mean 'set'"),
        ({"columns": PATIENTS, "where": {"set": "y"}}, "no row has set=y"),
        ({}, "no column 'subject'"),
    ],
)
def test_a_typing_error_is_answered_with_the_nearest_name(tmp_path, others, told):
    with pytest.raises(HealthyGANError, match=told):
        read_table(tmp_path, "image,patients,set\na.png,P1,x\n", **others)


def test_folders_named_like_sections_say_where_images_belong(tmp_path):
    raw = tmp_path / "raw"
    pictures(raw, "train_mixed/a.png", "healthy/b.png", "val/healthy/c.png", "val/diseased/d.png")
    sources = planned(settings(raw, tmp_path / "out", pseudonyms="given"))
    found = {s.who.subject: (s.truth.section, s.truth.label) for s in sources}
    assert found.pop("a") == ("training_mixed", None)
    assert found.pop("b") == ("training_healthy", None)
    assert found == {"c": ("validation", 0), "d": ("validation", 1)}


def test_folders_named_like_groups_are_split(tmp_path):
    raw = tmp_path / "raw"
    pictures(raw, *(f"{group}/{group}{k}.png" for group in sections.GROUPS for k in range(5)))
    sources = planned(settings(raw, tmp_path / "out", pseudonyms="given"))
    assert {s.truth.section for s in sources} == set(sections.SECTION_NAMES)


def test_a_folder_without_such_names_is_an_unlabelled_test_set(tmp_path):
    raw = tmp_path / "raw"
    pictures(raw, "x/a.png", "y.png")
    sources = planned(settings(raw, tmp_path / "out"))
    assert {s.truth.section for s in sources} == {"test"}
    assert all(s.truth.label is None and s.who.subject.startswith("sub-") for s in sources)


def test_files_outside_the_sections_and_missing_validation_labels_are_refused(tmp_path):
    raw = tmp_path / "raw"
    pictures(raw, "val/a.png")
    with pytest.raises(DataError, match="validation images have no label"):
        planned(settings(raw, tmp_path / "out"))
    pictures(raw, "stray.png")
    with pytest.raises(DataError, match="outside the folders"):
        planned(settings(raw, tmp_path / "out"))


def test_films_of_one_patient_are_one_subject_with_sessions_in_order_of_time(
    tmp_path, make_dicom, ramp
):
    for name, date, patient in (("a", "20240301", "1"), ("b", "20230101", "1"), ("c", "", "2")):
        make_dicom(ramp, f"raw/{name}.dcm", StudyDate=date, PatientID=patient)
    sources = planned(settings(tmp_path / "raw", tmp_path / "out"))
    sessions = {s.path.stem: (s.who.subject, s.who.session) for s in sources}
    assert sessions["a"][0] == sessions["b"][0] != sessions["c"][0]
    assert (sessions["b"][1], sessions["a"][1], sessions["c"][1]) == ("01", "02", "01")


def test_output_inside_input_is_not_taken_for_input(tmp_path):
    pictures(tmp_path, "a.png", "out/images/b.png", ".hidden/c.png", ".d.png")
    (tmp_path / "notes.txt").write_text("read me", encoding="utf-8")
    (tmp_path / "IM0001").write_text("claims to be an image", encoding="utf-8")
    found = find(tmp_path, exclude=tmp_path / "out")
    assert [s.name for s in found.sources] == ["IM0001", "a.png"]
    assert found.others == 1
