"""The files of tests that take long. They come first, so that several processes end together."""

from pathlib import Path

import pytest

# Seconds of processor time, about, of the files that take more than ten.
LONG = {
    "docs/test_docs_commands.py": 200,
    "bundle/test_zoo_alone.py": 50,
    "healthygan_monai/exchange/test_exports.py": 40,
    "docs/test_notebooks.py": 40,
    "healthygan_monai/baselines/test_rival_commands.py": 40,
    "bundle/test_two_ranks.py": 30,
    "docs/test_site.py": 30,
    "healthygan_monai/config/test_literal.py": 30,
    "healthygan_monai/training/test_stopping.py": 30,
    "docs/test_contributing.py": 25,
    "docs/test_data_format.py": 20,
    "healthygan_monai/training/test_resume.py": 20,
    "bundle/test_gpu_report.py": 15,
    "docs/test_aucp_against_auc.py": 10,
}


def longest_first(items: list[pytest.Item], tests: Path) -> None:
    """Sort by the time of the file below ``tests``; what takes equally long keeps its order."""

    def seconds(item: pytest.Item) -> int:
        known = item.path.is_relative_to(tests)
        return LONG.get(item.path.relative_to(tests).as_posix(), 0) if known else 0

    items.sort(key=seconds, reverse=True)
