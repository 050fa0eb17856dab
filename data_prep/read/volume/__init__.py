"""Readers of volumes, NIfTI and DICOM, on one RAS+ grid in millimetres."""
