"""RUN -> RUN/report.html: one page a clinician can read, print and send."""

from __future__ import annotations

from .cases import Translation
from .page import write_report

__all__ = ["Translation", "write_report"]
