"""Readers of DICOM and NIfTI, each clause of the standards in its own file."""
