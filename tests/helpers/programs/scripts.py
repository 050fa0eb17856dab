"""Programs of the repository that are in no package, as modules."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

from places import ROOT


def script(path: str) -> ModuleType:
    """Return the module of a program; path: from the repository's root."""
    name = "script " + path  # a name of its own: benchmarks/ and .ci/ hide no module by it
    if name not in sys.modules:
        spec = spec_from_file_location(name, ROOT / path)
        assert spec is not None and spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look it up
        spec.loader.exec_module(module)
    return sys.modules[name]
