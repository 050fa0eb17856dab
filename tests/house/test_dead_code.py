"""No function, class, method or import that nothing uses (vulture)."""

import pytest
from places import ROOT

vulture = pytest.importorskip("vulture")
# Called by Python, Ignite, MONAI or torch, named in a config or a list of names, or the public API.
USED = {"__getattr__", "__dir__", "_iteration", "_compute_tensor", "aggregate", "serve"}
USED |= {
    "end_at_max_iterations",
    "end_with_the_first_rank",
    "score_folder",
    "score_cases",
    "save_pictures",
    "subject_scores",
    "handleError",
}
USED |= {"do_GET", "do_POST", "handle_error", "log_message"}  # of http.server
USED |= {"setup", "compose"}  # by MONAI Deploy
CONFIGS = "".join(path.read_text() for path in (ROOT / "bundle" / "configs").glob("*.json"))
LISTS = (ROOT / "healthygan_monai" / "baselines" / "names.py").read_text()


def test_nothing_is_unused():
    found = vulture.Vulture()
    found.scavenge([ROOT / "data_prep", ROOT / "healthygan_monai"], exclude=["*/zoo_tests/*"])
    kinds = ("function", "class", "method", "property", "import", "unreachable_code")
    unused = {str(i.name): str(i.filename) for i in found.get_unused_code(60) if i.typ in kinds}
    named = {name for name in unused if f".{name}" in CONFIGS or f":{name}" in LISTS}
    assert {n: f for n, f in unused.items() if n not in USED | named} == {}
