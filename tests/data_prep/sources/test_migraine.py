import pytest
from generated import text_hash

from data_prep.datalist import DataError
from data_prep.sources import local_cohort, migraine
from data_prep.sources.migraine import Options

TRAINING = {"training_healthy": (424, 0), "training_mixed": (84, 76)}
PAPER = {**TRAINING, "validation": (10, 10), "test": (10, 10)}


@pytest.fixture
def clinic(tmp_path):
    """104 healthy and 96 diseased subjects, as NIfTI, BIDS and DICOM folders."""
    folder = tmp_path / "clinic"
    lines = ["subject,group,age,sex,site"]
    for k in range(200):
        subject = f"m{k:03d}"
        place = folder / ("series" if k % 3 == 0 else "flat")
        place = place / subject if k % 3 == 0 else place
        place.mkdir(parents=True, exist_ok=True)
        name = ("IM0001", f"{subject}_t1.nii.gz", f"sub-{subject}_T1w.nii")[k % 3]
        (place / name).touch()
        group = "control" if k < 104 else "migraine"
        lines.append(f"{subject},{group},{20 + k % 50},{'FM'[k % 2]},Mayo")
    (folder / "cohort.csv").write_text("\n".join(lines), "utf-8")
    return folder


def test_the_paper_sizes_by_subject(clinic, ixi_folder, tmp_path):
    cohort = migraine.cohort(clinic, Options(heads=ixi_folder))
    assert cohort.counts() == PAPER
    assert len({row.subject for row in cohort.rows}) == len(cohort.rows) == 424 + 200
    healthy = [row for row in cohort.rows if row.section == "training_healthy"]
    assert all(row.subject.startswith("IXI") for row in healthy)
    assert all((clinic / row.image).exists() for row in cohort.rows)
    series = next(row for row in cohort.rows if row.subject == "m000")
    assert series.image == "series/m000"


def test_the_seed_decides_and_the_split_is_the_same_on_any_machine(clinic, ixi_folder, tmp_path):
    cohort = migraine.cohort(clinic, Options(heads=ixi_folder))
    local = tuple(row for row in cohort.rows if row.site == "Mayo")
    found = text_hash(local, tmp_path / "a.csv")
    assert found == "9764039640ac15ff08f24380ffa2b1cc6d8b9c2e7073521ad516ed7efe9862aa"
    assert migraine.cohort(clinic, Options(seed=1, heads=ixi_folder)).rows != cohort.rows


def test_the_site_tells_healthy_from_mixed_and_that_is_said(clinic, ixi_folder):
    facts = migraine.cohort(clinic, Options(heads=ixi_folder)).facts
    assert facts["auc_alone"]["training"]["site"] == 1.0
    assert "site" not in facts["auc_alone"]["test"]


def test_too_few_subjects_are_refused_with_numbers_and_a_way(clinic, ixi_folder):
    lines = (clinic / "cohort.csv").read_text("utf-8").splitlines()
    (clinic / "cohort.csv").write_text("\n".join(lines[:150]), "utf-8")
    with pytest.raises(DataError) as error:
        migraine.cohort(clinic, Options(heads=ixi_folder))
    message = str(error.value)
    assert "104 healthy and 96 diseased" in message and "104 and 45 are there" in message
    counts = message.rpartition("--counts ")[2]
    smaller = migraine.cohort(clinic, Options(heads=ixi_folder, counts=counts))
    assert smaller.counts()["training_mixed"] == (39, 35)


def test_too_few_heads_of_ixi_are_refused(clinic, ixi_folder):
    few = Options(heads=ixi_folder, sites=("HH",))
    with pytest.raises(DataError, match=r"IXI: 424 healthy .* --counts healthy="):
        migraine.cohort(clinic, few)


def test_yaml_names_groups_or_subjects(tmp_path):
    path = tmp_path / "cohort.yaml"
    path.write_text("site: Mayo\nhealthy: [a, 7]\ndiseased:\n  - b\n", "utf-8")
    people = local_cohort.read_cohort(path)
    assert [(p.subject, p.label) for p in people] == [("a", 0), ("7", 0), ("b", 1)]
    assert {p.site for p in people} == {"Mayo"}
    one = "{subject: a, group: migraine, age: 41, sex: female, image: x/a.nii.gz}"
    path.write_text(f"subjects:\n- {one}\n", "utf-8")
    (person,) = local_cohort.read_cohort(path)
    assert (person.label, person.age, person.sex, person.images) == (1, 41, "F", ("x/a.nii.gz",))


def test_every_problem_of_the_cohort_file_comes_at_once(tmp_path):
    path = tmp_path / "cohort.csv"
    path.write_text("subject,group\na,healthy\n,healthy\nb,sick\na,diseased\n", "utf-8")
    with pytest.raises(DataError) as error:
        local_cohort.read_cohort(path)
    for told in ("entry 2: subject is empty", "entry 3: the group", "in the other group"):
        assert told in str(error.value)
    path.write_text("who,group\na,healthy\n", "utf-8")
    with pytest.raises(DataError, match="no column subject"):
        local_cohort.read_cohort(path)


def test_a_subject_name_is_not_found_inside_another(tmp_path, ixi_folder):
    for name in ("p1_t1.nii.gz", "p10_t1.nii.gz", "p11_t1.nii.gz"):
        (tmp_path / name).touch()
    (tmp_path / "cohort.yaml").write_text("healthy: [p1, p2]\ndiseased: [p10, p11]\n", "utf-8")
    counts = "healthy=5,mixed=1+1,validation=0+0,test=0+1"
    rows = migraine.cohort(tmp_path, Options(heads=ixi_folder, counts=counts)).rows
    local = {row.subject: row.image for row in rows if row.site == "local"}
    assert local == {f"p{k}": f"p{k}_t1.nii.gz" for k in (1, 10, 11)}
    (problem,) = migraine.verify(tmp_path, Options(heads=ixi_folder))
    assert "1 of 4 subjects of the cohort have no volume" in problem


def test_a_missing_cohort_file_is_explained(tmp_path, ixi_folder):
    with pytest.raises(DataError, match="Name your subjects and their groups"):
        migraine.cohort(tmp_path, Options(heads=ixi_folder))


def test_only_t1_weighted_scans_count_as_heads(tmp_path):
    from data_prep.sources.files import Files
    from data_prep.sources.local_cohort import Person, volumes_of

    for name in ("sub-a_T1w", "sub-a_T2w", "sub-b_FLAIR", "derivatives/x/sub-c_T1w", "c-d_head"):
        path = tmp_path / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    files = Files(tmp_path)
    heads = {who: volumes_of(Person(who, 0), files) for who in ("sub-a", "sub-b", "sub-c", "c-d")}
    found = {"sub-a": ("sub-a_T1w.nii.gz",), "c-d": ("c-d_head.nii.gz",)}
    assert heads == {**found, "sub-b": (), "sub-c": ()}
