from typing import Any


def add(forms: Any) -> None:
    pass
