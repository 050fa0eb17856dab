"""Detectors on frozen pretrained features: PaDiM and PatchCore."""
