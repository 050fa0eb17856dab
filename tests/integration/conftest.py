"""The environment, the models and the server that all integration tests share."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import label_server
import pytest
import torch
from flat_settings import settings
from label_server import Reply, Server
from tiny import train

from data_prep.phantom import brains, study
from data_prep.pipeline import run
from healthygan_monai.paths import bundle_root
from healthygan_monai.serving.describe import describe, write_description
from healthygan_monai.serving.install import install

SIZE = 64


@pytest.fixture(scope="session")
def python() -> Path:
    return label_server.environment()


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("label")


@pytest.fixture(scope="session")
def films(work: Path) -> Path:
    """FILMS/raw as DICOM; FILMS/data: prepared; FILMS/runs: trained briefly."""
    counts = {"training_mixed": 4, "training_healthy": 4, "validation": 4, "test": 4}
    study.make_films(work / "films" / "raw", counts=counts)
    table = work / "films" / "raw" / "cohort.csv"
    chosen = {
        "size": SIZE,
        "framing": "centre",
        "table": table,
        "pseudonyms": "given",
        "name": "films",
        "jobs": 0,
    }
    run(settings(table.parent, work / "films" / "data", **chosen))
    train(work / "films" / "runs", work / "films" / "data")
    return work / "films"


@pytest.fixture(scope="session")
def heads(work: Path) -> Path:
    """HEADS/raw: NIfTI in three orientations; HEADS/data: prepared; HEADS/runs: trained briefly."""
    counts = {"training_mixed": 2, "training_healthy": 2, "validation": 2, "test": 2}
    brains.make_brains(work / "heads" / "raw", counts=counts)
    table = work / "heads" / "raw" / "cohort.csv"
    chosen = {"size": SIZE, "table": table, "pseudonyms": "given", "name": "heads", "jobs": 0}
    run(settings(table.parent, work / "heads" / "data", "brains", **chosen))
    train(work / "heads" / "runs", work / "heads" / "data")
    return work / "heads"


@pytest.fixture(scope="session")
def app(python: Path, work: Path, films: Path, heads: Path) -> Path:
    """The shipped model, one of films, one of heads, one known beforehand, one to be exchanged, one
    without its weights.

    ``known``: the last layer is zero, so the network says mid-grey and a half-open mask everywhere,
    and the difference map is |x| / 4.
    """
    app = label_server.make_app(python, work / "apps")
    model = heads / "runs" / "00000-heads"

    words = ("install", str(bundle_root() / "models" / "model.pt"), str(app))
    label_server.run(python, "healthygan_monai.serving", *words)
    install(films / "runs" / "00000-films", app, "films")
    for name in ("heads", "swapped", "missing"):
        install(model, app, name)
    weights = torch.load(model / "model.pt", weights_only=True)
    last = [name for name in weights if name.endswith(".weight")][-1]
    known = work / "known"
    known.mkdir()
    torch.save({**weights, last: torch.zeros_like(weights[last])}, known / "model.pt")
    write_description(describe(known / "model.pt", heads / "data"), known)
    install(known, app, "known")
    (app / "model" / "missing" / "models" / "model.pt").unlink()
    return app


@pytest.fixture(scope="session")
def server(python: Path, app: Path, work: Path) -> Iterator[Server]:
    models = ("healthygan", "films", "heads", "known", "swapped", "missing")
    with label_server.serving(python, app, models, work / "server") as started:
        yield started


@dataclass
class Asker:
    """Sends a file for its JSON and for its image; keeps both, and the seconds, in ``kept``."""

    server: Server
    kept: Path
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __call__(
        self, model: str, file: Path, ending: str, name: str, **params: Any
    ) -> tuple[dict[str, Any], Path]:
        told = self.server.infer(model, file, "json", **params)
        assert told.status == 200, told.body[:500]
        shown = self.server.infer(model, file, "image", **params)
        assert shown.status == 200, shown.body[:500]
        image = self.kept / (name + ending)
        image.write_bytes(shown.body)
        (self.kept / f"{name}.json").write_text(json.dumps(told.json(), indent=1))
        seconds = [round(reply.seconds, 2) for reply in (told, shown)]
        self.rows.append({"request": name, "seconds": seconds, "bytes_sent": file.stat().st_size})
        return told.json(), image

    def refused(self, model: str, file: Path, **params: Any) -> Reply:
        return self.server.infer(model, file, "json", **params)


@pytest.fixture(scope="session")
def ask(server: Server, work: Path) -> Iterator[Callable[..., Any]]:
    """Answers lie in HEALTHYGAN_LABEL_OUT afterwards, where it names a folder."""
    kept = Path(os.environ.get("HEALTHYGAN_LABEL_OUT", work / "answers"))
    kept.mkdir(parents=True, exist_ok=True)
    asker = Asker(server, kept)
    yield asker
    (kept / "seconds.json").write_text(json.dumps(asker.rows, indent=1))
