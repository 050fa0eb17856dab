"""The paper's Table 1 as data: AUC on the test set, by protocol and method.

Only values that this project has on file are here; the others of the paper's table print as not known.
"""

from __future__ import annotations

HEALTHYGAN = "healthygan"
# (protocol of dataset.json, method) -> AUC
PAPER_TABLE_1: dict[tuple[str, str], float] = {
    ("covidx", HEALTHYGAN): 0.84,
    ("chestxray14", HEALTHYGAN): 0.56,
    ("migraine", HEALTHYGAN): 0.75,
    ("migraine", "ganomaly"): 0.70,
}
PAPER_DATA = ("covidx", "chestxray14", "migraine")
PAPER_METHODS = (HEALTHYGAN, "alad", "alocc", "f-anogan", "ganomaly", "padim", "patchcore")


def paper_value(protocol: str | None, method: str) -> str:
    """The paper's AUC as text; says where the paper has none, and where it is not known here."""
    if protocol not in PAPER_DATA or method not in PAPER_METHODS:
        return "not in the paper"
    value = PAPER_TABLE_1.get((protocol, method))
    return "not known" if value is None else f"{value:.2f}"
