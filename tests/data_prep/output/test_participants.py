from data_prep.datalist import Dataset, Item
from data_prep.output.participants import write_participants
from data_prep.source import Source, Who


def test_participants_tell_group_site_age_and_sex(tmp_path):
    sections = {
        "training_mixed": [Item("a", "m")],
        "training_healthy": [Item("b", "h")],
        "test": [Item("c", "t", label=1), Item("d", "u", label=0), Item("e", "v")],
    }
    known = {"m": ("HH", 40.5, "F"), "h": ("IOP", 93.0, "M"), "t": (None, None, None)}
    sources = [
        Source(s, tmp_path, "dicom", who=Who(s, site=a, age=b, sex=c))
        for s, (a, b, c) in known.items()
    ]
    write_participants(Dataset("x", 16, sections=sections), tmp_path / "p.tsv", sources)
    lines = (tmp_path / "p.tsv").read_text("utf-8").splitlines()
    assert lines[0].split("\t")[:6] == ["participant_id", "section", "group", "site", "age", "sex"]
    assert [line.split("\t")[0:6] for line in lines[1:]] == [
        ["h", "training_healthy", "healthy", "IOP", "90+", "M"],
        ["m", "training_mixed", "mixed", "HH", "40.5", "F"],
        ["t", "test", "diseased", "n/a", "n/a", "n/a"],
        ["u", "test", "healthy", "n/a", "n/a", "n/a"],
        ["v", "test", "n/a", "n/a", "n/a", "n/a"],
    ]
