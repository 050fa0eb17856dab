"""The paper's Table 1 as data: AUC on the test set, by protocol and method.

Values that this project does not have on file are shown as not known.
"""

from collections.abc import Mapping
from typing import Any

from healthygan_monai.scoring import HEALTHYGAN

# (protocol of dataset.json, method) -> AUC
PAPER_TABLE_1: dict[tuple[str, str], float] = {
    ("covidx", HEALTHYGAN): 0.84,
    ("chestxray14", HEALTHYGAN): 0.56,
    ("migraine", HEALTHYGAN): 0.75,
    ("migraine", "ganomaly"): 0.70,
}
PAPER_DATA = ("covidx", "chestxray14", "migraine")
# settings of HealthyGAN that would make it another method than the paper's
OF_THE_PAPER = {"recipe": "paper", "critic": "paper", "translation": "masked"}
PAPER_METHODS = (HEALTHYGAN, "alad", "alocc", "f-anogan", "ganomaly", "padim", "patchcore")


def paper_value(
    protocol: str | None, method: str, settings: Mapping[str, Any] | None = None
) -> str:
    """Return the paper's AUC as text, "not in the paper" or "not known".

    Args:
        protocol: of dataset.json.
        method: its name; that of a variant is not in the paper.
        settings: given to the method, such as another recipe, which is not in the paper.
    """
    changed = any(
        (settings or {}).get(key) not in (None, value) for key, value in OF_THE_PAPER.items()
    )
    if changed or protocol not in PAPER_DATA or method not in PAPER_METHODS:
        return "not in the paper"
    value = PAPER_TABLE_1.get((protocol, method))
    return "not known" if value is None else f"{value:.2f}"
