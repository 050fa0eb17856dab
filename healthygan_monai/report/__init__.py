"""RUN -> RUN/report.html: one page a clinician can read, print and send."""

from healthygan_monai.report.cases import Translation
from healthygan_monai.report.page import write_report

__all__ = ["Translation", "write_report"]
