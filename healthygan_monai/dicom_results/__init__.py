"""DICOM results of one film or head: overlay, segmentation, map and report (extra ``dicom``)."""

from healthygan_monai.dicom_results.facts import RESEARCH, ResultFacts
from healthygan_monai.dicom_results.frames import to_slices
from healthygan_monai.dicom_results.make import make_results

__all__ = ["RESEARCH", "ResultFacts", "make_results", "to_slices"]
