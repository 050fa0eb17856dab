"""Guarded children (``data_prep.work.guard``) that start at once.

They are forks of a process that has all of ``data_prep`` loaded; alone, each takes half a second.
"""

import importlib
import json
import pkgutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import warm
from places import ROOT


@cache
def executable() -> str:
    """Return the program that stands for Python where a guard starts a child."""
    if sys.platform != "linux":
        return sys.executable
    from data_prep.work.guard import ONE_THREAD

    folder = Path(tempfile.mkdtemp(prefix="children-"))
    program, path = folder / "python", folder / "s"
    warm.write_client(program, path)
    paths = ":".join(map(str, (ROOT, *{Path(warm.__file__).parent, Path(__file__).parents[1]})))
    words = [sys.executable, __file__, path]
    server = warm.start(words, path, folder / "log", PYTHONPATH=paths, **ONE_THREAD)
    warm.end_with_this_process(server, folder)
    return str(program)


def _serve(words: list[str]) -> None:
    from data_prep.work.child import serve

    *_, paths, settings = words
    sys.path[:] = json.loads(paths)
    serve(*json.loads(settings))


if __name__ == "__main__":
    for _module in pkgutil.walk_packages([str(ROOT / "data_prep")], "data_prep."):
        if not _module.name.endswith(".__main__"):
            importlib.import_module(_module.name)
    warm.serve(sys.argv[1], _serve)
