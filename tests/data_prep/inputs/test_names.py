"""Names of BIDS and IXI files tell the subject; two scans of one subject share it."""

import pytest

from data_prep.inputs.names import FileName, parse_name


@pytest.mark.parametrize(
    ("name", "subject", "session"),
    [
        ("sub-07_T1w.nii.gz", "sub-07", None),
        ("sub-07/ses-b/anat/sub-07_ses-b_acq-mprage_T1w.nii.gz", "sub-07", "ses-b"),
        ("rawdata/sub-A1/anat/T1w.nii", "sub-A1", None),
        ("IXI012-HH-1211-T1.nii.gz", "IXI012", "HH-1211"),
        ("site/IXI013-HH-1212-T1_2mm.nii.gz", "IXI013", "HH-1212"),
        ("IXI002-Guys-0828-T1.nii.gz", "IXI002", "Guys-0828"),
        ("head_03.nii", "head_03", None),
        ("scan.img", "scan", None),
        ("subtle-08.nii", "subtle-08", None),  # neither sub- nor an entity
        ("MIXI012-HH-1211-T1.nii", "MIXI012-HH-1211-T1", None),
    ],
)
def test_subject_and_session_come_from_the_name(name: str, subject: str, session: str | None):
    assert parse_name(name) == FileName(subject, session)


def test_two_scans_of_one_ixi_subject_share_its_name():
    first, second = parse_name("IXI219-Guys-0894-T1.nii"), parse_name("IXI219-HH-1999-T1.nii")
    assert first.subject == second.subject and first.session != second.session
