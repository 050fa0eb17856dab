"""The table of the docs' commands: which run, how their placeholders are filled, what is made shorter.

To add a page: write its commands into PAGES, each (or the words it begins with; the longest row that fits is
taken) as

    run     in the normal suite, in the order of the page, after `given` has been set down
    slow    likewise, but only in `pytest -m slow`, where the whole page runs
    same    the same words are run on another page
    cannot  why it cannot be run here; its words must still be accepted by the parser of the program

`given` of a page is there from the beginning, `given` of a row just before its commands. `code` is the exit
code, `cwd` the folder below the story's. A story's folder begins with copies of bundle/, docs/, benchmarks/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import docs_standins as standins
from docs_played import PLAYED
from docs_standins import Standin

__all__ = ["OTHER_PROGRAMS", "PAGES", "PLAYED", "SHORTER", "TREES", "Page", "Row", "Shorter"]


@dataclass(frozen=True)
class Row:
    kind: str
    command: str
    given: Mapping[str, Standin] = field(default_factory=dict)
    code: int = 0
    cwd: str = "."
    why: str = ""


@dataclass(frozen=True)
class Page:
    """`variables` are shell variables that the page leaves to the reader, `words` placeholders that are no files."""

    rows: tuple[Row, ...]
    words: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Standin] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shorter:
    """`adds` to commands that begin with `begins` and have all of `having`, none of `lacking`."""

    begins: str
    adds: tuple[str, ...]
    having: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    def applies(self, words: Sequence[str]) -> bool:
        begins = self.begins.split()
        return (
            list(words[: len(begins)]) == begins
            and all(any(h in word for word in words) for h in self.having)
            and not any(word in self.lacking for word in words)
        )


def run(command: str, *, code: int = 0, cwd: str = ".", **given: Standin) -> Row:
    return Row("run", command, given, code, cwd)


def slow(command: str, *, code: int = 0, cwd: str = ".", **given: Standin) -> Row:
    return Row("slow", command, given, code, cwd)


def same(command: str, page: str) -> Row:
    return Row("same", command, why=page)


def cannot(command: str, why: str) -> Row:
    return Row("cannot", command, why=why)


# Trainings end after four iterations of a tiny network; the last --set wins over those of the page.
TINY = {
    "max_iterations": 4,
    "checkpoints": 2,
    "batch_size": 4,
    "generator_channels": 4,
    "generator_blocks": 1,
    "critic_channels": 4,
    "critic_layers": 3,
    "selection_images": 8,
    "fid_features": "random",
}
SET_TINY = tuple(word for key, value in TINY.items() for word in ("--set", f"{key}={value}"))
KEY_TINY = tuple(word for key, value in TINY.items() for word in (f"--{key}", str(value)))
NIH_COUNTS = "healthy=4,mixed=2+2,validation=2+2,test=2+2"
CLINIC_COUNTS = "healthy=2,mixed=1+1,validation=1+1,test=1+1"
TREES = 10  # of the probes that are random forests
SHORTER = (
    Shorter("healthygan train", SET_TINY, lacking=("--method", "--resume")),
    Shorter("healthygan demo", SET_TINY),
    Shorter("healthygan evaluate", ("--bootstrap", "20"), lacking=("--bootstrap",)),
    Shorter(
        "python -m monai.bundle run training", KEY_TINY, ("train.json",), ("--max_iterations",)
    ),
    Shorter("torchrun", KEY_TINY, ("train.json",)),
    Shorter("python -m monai.bundle run", ("--bootstrap", "20"), having=("evaluate.json",)),
    Shorter("healthygan benchmark", ("--dry-run",), having=("data/films",)),
    Shorter("healthygan prep chestxray14", ("--counts", NIH_COUNTS), lacking=("--help",)),
    Shorter("healthygan prep migraine", ("--counts", CLINIC_COUNTS)),
)

# Programs that pages name and that are not here; only `cannot` may use them.
OTHER_PROGRAMS = ("docker", "monailabel", "curl", "mlflow")

REAL_DATA = "needs real images"
NETWORK = "needs a network"
BRAIN_PROGRAMS = "needs deepbet and the MNI template, of the extra brain"
LABEL_SERVER = "needs a MONAI Label server; run by pytest -m integration"
MLFLOW = "needs MLflow, of the extra tracking; run by tests/bundle/test_tracking.py where it is"
OTHER_LIBRARY = "needs an environment with another library"
FULL_NETWORKS = "minutes of full-size networks on an idle machine; what it prints is a measurement"

EXPORT = {"cohort.csv": standins.films_table}

PAGES: dict[str, Page] = {
    "README.md": Page(
        rows=(
            run("healthygan demo"),
            run(
                "python docs/images/make_picture.py RUN docs/images/demo.png",
                RUN=standins.newest_run,
            ),
            run("python -m venv .venv && . .venv/bin/activate && pip install torch==2.13.0 && pip"),
            run(
                "healthygan prep films PACS_EXPORT data/films",
                **{"films.csv": standins.films_table, "runs": standins.empty_folder},
            ),
            run(
                "healthygan prep brains IXI_FOLDER data/brains",
                **{"heads.csv": standins.brains_table},
            ),
            run("healthygan check data/films"),
            run("healthygan train data/films"),
            run("healthygan infer runs/00000-films"),
            run("healthygan evaluate runs/00000-films"),
            run("healthygan report runs/00000-films"),
            slow("python -m monai.bundle run training"),
            run("import healthygan_monai as hg", export=standins.bare_films),
            run("healthygan export onnx runs/00000-films model.onnx"),
            run("healthygan infer model.onnx data/films --output scored"),
            run("healthygan export zoo zoo-pull-request"),
            run("healthygan train data/films --method padim"),
            run("healthygan benchmark data/films"),
            slow("healthygan benchmark GRID.json"),
        ),
        given={
            "PACS_EXPORT": standins.films,
            "IXI_FOLDER": standins.brains,
            "GRID.json": standins.grid,
        },
    ),
    "CONTRIBUTING.md": Page(
        rows=(run("python -m venv"), run("pip install"), run("ruff format"), run("pytest -m slow"))
    ),
    "bundle/docs/README.md": Page(
        rows=(
            same("healthygan demo", "README.md"),
            run("healthygan bundle-path"),
            run("healthygan prep phantom films FOLDER"),
            run("python -m monai.bundle run training --config_file bundle/configs/train.json"),
            slow("torchrun"),
            cannot(
                "python -m monai.bundle run training --config_file bundle/configs/train.json "
                "--dataset_dir DATASET --tracking mlflow",
                MLFLOW,
            ),
            run("healthygan train --resume runs/00000-NAME"),
            run(
                "python -m monai.bundle run training --config_file bundle/configs/train_baseline.json"
            ),
            run(
                "python -m monai.bundle run --config_file bundle/configs/inference_baseline.json",
                **{"runs/00000-NAME-ganomaly": standins.newest_run},
            ),
            run("python -m monai.bundle run --config_file"),
            cannot("python -m monai.bundle verify_metadata", NETWORK),
            slow("mkdir -p eval", cwd="bundle"),
            slow("python -m monai.bundle verify_net_in_out", cwd="bundle"),
            slow("python -m monai.bundle ckpt_export", cwd="bundle"),
            slow("python -m monai.bundle onnx_export", cwd="bundle"),
            run("import monai.bundle", **{"FOLDER/healthygan": standins.bundle}),
            run("pip install"),
        ),
        given={"DATASET": standins.data},
    ),
    "docs/benchmark.md": Page(
        rows=(
            slow("healthygan demo"),
            slow("healthygan prep films $D"),
            slow("healthygan prep csv $D"),
            slow("healthygan train brain_lgg"),
            slow("healthygan train cxr_nih"),
            slow("healthygan infer RUN", RUN=standins.newest_run),
            cannot("python -m data_prep.phantom.lesions", BRAIN_PROGRAMS),
            cannot("healthygan prep brains planted", BRAIN_PROGRAMS),
            cannot("healthygan train planted-64", BRAIN_PROGRAMS),
            slow("healthygan benchmark grid.json", **{"grid.json": standins.grid}),
        ),
        given={"films-of-D": standins.labelled_films},
        variables={"D": "films-of-D"},
        words={"N": "1", "SET": "cxr_nih"},
    ),
    "docs/brain_preparation.md": Page(
        rows=(
            run("pip install"),
            cannot("healthygan prep brains", BRAIN_PROGRAMS),
            cannot("python -m data_prep.phantom.lesions", BRAIN_PROGRAMS),
            cannot("python benchmarks/brain_chain.py", REAL_DATA),
        )
    ),
    "docs/clinical_quickstart.md": Page(
        rows=(
            slow("healthygan demo"),
            slow("python docs/images/page_pictures.py"),
            run("healthygan prep phantom films export"),
            run("healthygan prep phantom brains heads"),
            run("healthygan prep films export", **EXPORT),
            slow("healthygan prep brains heads"),
            run("healthygan check films-128"),
            run("healthygan train films-128"),
            run("healthygan train --resume runs/00000-films-128"),
            run("healthygan infer rehearsal/00000-films-128"),
            run("healthygan evaluate rehearsal/00000-films-128"),
            run("healthygan report rehearsal/00000-films-128"),
            run("healthygan select runs/00000-films-128"),
            run("healthygan infer runs/00000-films-128"),
            run("healthygan evaluate runs/00000-films-128"),
            slow("healthygan report runs/00000-films-128"),
            run("healthygan prep films new-export", **{"new-export": standins.bare_films}),
            run("healthygan report clinic-scores"),
        )
    ),
    "docs/data_format.md": Page(
        rows=(
            run("healthygan prep phantom films export --bad"),
            run("healthygan prep films export", code=3),
            run("healthygan train films-64"),
            run("healthygan infer runs/00000-films-64"),
            run("healthygan evaluate runs/00000-films-64"),
            run("healthygan check films-64"),
            slow("healthygan benchmark GRID.json"),
        ),
        given={"GRID.json": standins.grid},
    ),
    "docs/data_sources.md": Page(
        rows=(
            run("healthygan prep chestxray14"),
            cannot("healthygan fetch ixi", NETWORK),
            run("healthygan prep ixi", **{"data/ixi": standins.ixi}),
            slow("healthygan prep migraine"),
        ),
        given={"NIH_FOLDER": standins.nih, "clinic": standins.clinic},
    ),
    "docs/paper_to_code.md": Page(
        rows=(
            run("healthygan train DATASET"),
            cannot(
                "healthygan train DATASET --method NAME --set KEY=VALUE", "a pattern, not a command"
            ),
            cannot("healthygan train --method NAME", "a pattern, not a command"),
        ),
        given={"DATASET": standins.data},
    ),
    "docs/paper_vs_code.md": Page(
        rows=(
            run("healthygan select RUN", RUN=standins.run),
            run("healthygan train DATASET"),
        ),
        given={"DATASET": standins.data},
    ),
    "docs/exports.md": Page(
        rows=(
            run("healthygan export onnx runs/00000-films"),
            run("healthygan export torchscript runs/00000-films"),
            run("healthygan infer model.onnx data/films"),
            run("healthygan infer runs/00000-films --runtime onnxruntime"),
            run("healthygan import-checkpoint 360000-G.ckpt"),
            run("healthygan infer published/model.pt data/films"),
            run("healthygan export authors runs/00000-films"),
            run("python -m monai.bundle run --config_file bundle/configs/inference.json"),
            run("pip install"),
            cannot("python benchmarks/export_parity.py", REAL_DATA),
        ),
        given={
            "runs/00000-films": standins.run,
            "data/films": standins.data,
            "360000-G.ckpt": standins.authors_file,
        },
    ),
    "docs/installation.md": Page(
        rows=(
            run("pip install"),
            run("pip wheel"),
            run("healthygan bundle-path"),
            same("healthygan demo", "README.md"),
            slow("python -m monai.bundle run training"),
            run("pytest"),
        ),
    ),
    "docs/monai_label.md": Page(
        rows=(
            run("python -m venv label-env"),
            run("pip install"),
            run("echo torch"),
            run("SAM2_BUILD_CUDA=0 pip install"),
            cannot("monailabel", LABEL_SERVER),
            run(
                "python -m healthygan_monai.serving install",
                **{"apps/monaibundle": standins.label_app},
            ),
            run("mkdir"),
            run("python -m healthygan_monai.serving describe", RUN=standins.run),
            run("healthygan prep phantom films export"),
            cannot("curl", LABEL_SERVER),
            run("pytest -m integration"),
        ),
    ),
    "docs/python_api.md": Page(
        rows=(run("import healthygan_monai as hg"),),
        given={"export/films": standins.bare_films, "runs/00000-films": standins.films_run},
    ),
    "docs/performance.md": Page(
        rows=(
            cannot("python benchmarks/train_step.py", FULL_NETWORKS),
            cannot("python benchmarks/against_", OTHER_LIBRARY),
            cannot("python benchmarks/prep_films.py", REAL_DATA),
            cannot("python benchmarks/kill_and_resume.py", "kills processes for minutes"),
            cannot("python benchmarks/burned_in.py", REAL_DATA),
        )
    ),
    "docs/security.md": Page(
        rows=(
            run("healthygan prep films export films-64", export=standins.films),
            cannot("python benchmarks/burned_in.py", REAL_DATA),
            cannot("python benchmarks/deidentify_side_by_side.py", OTHER_LIBRARY),
        )
    ),
}
