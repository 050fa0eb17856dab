"""Readers of DICOM pixels, each clause of PS3.3 and PS3.5 in its own file."""
