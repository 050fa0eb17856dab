"""Names of a run's files, and where the bundle is: in the package, beside it, or around it."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from data_prep.datalist import RUN_FILE as RUN_FILE
from data_prep.datalist import instead_of_run
from data_prep.errors import UsageError
from data_prep.files import read_json
from healthygan_monai.errors import MissingData, ModelError, NoModel
from healthygan_monai.records.config_json import CONFIG
from healthygan_monai.records.evaluation_json import EVALUATION
from healthygan_monai.records.run_json import RUN
from healthygan_monai.records.schema import read
from healthygan_monai.records.serving_json import SERVING

# A run folder, in the order in which its files appear.
CONFIG_FILE, LOG_FILE = "config.json", "log.txt"  # RUN_FILE is data_prep's, which names runs too
METRICS_FILE, CHECKPOINT_FOLDER = "metrics.jsonl", "checkpoints"
TRAINING_PREFIX = "training"  # of the whole states in it
SELECTION_FILE, MODEL_FILE = "selection.csv", "model.pt"
CRITIC_FILE = "critic.pt"  # heads of a pretrained critic, of the checkpoint of model.pt
PRICES_FILE = "prices.csv"
SAMPLES_FOLDER = "samples"
SCORES_FILE, SCORED_FILE = "scores.csv", "scores.json"  # the second says which weights scored
KEPT_OUT_FILE, P_VALUES_FILE = "kept_out.csv", "p_values.csv"
SKIPPED_FILE = "skipped.csv"  # pictures that could not be scored
MEMBERS_FILE = "members.csv"  # scores of the members of an ensemble
LOCALISATION_FILE, EVALUATION_FILE = "localisation.json", "evaluation.json"
REPORT_FILE = "report.html"
CASES_FILE, ABOUT_FILE = "cases.csv", "about.json"  # of new patients
MAPS_FOLDER, MARKED = "maps", "_marked"  # of new patients; after the name of a case
LINKS = ".links.csv"  # after the name of their folder, beside it: which input has which name
GALLERY_FOLDER = "gallery"  # of all cases, beside it
PICTURES_FOLDER = "pictures"  # of the maps, by healthygan infer
SCALE_FILE = "scale.json"  # in it: what white means for other methods than HealthyGAN
REVIEW_FILE = "review.csv"  # seen marks and remarks of healthygan view
# A bundle's folder: beside the model, and beside the configs.
SERVING_FILE, METADATA_FILE = "serving.json", "metadata.json"
FIRST_IS_BEST = (  # said by training, select and the report
    "Of all checkpoints the first one was chosen: what was learned since made the model worse, or "
    "the criterion cannot tell. Judge more often (more checkpoints), train at a lower "
    "learning_rate, or choose by the other criterion (healthygan select)."
)
NUMBERED = re.compile(r"(\d{5})-")  # name of a run folder
A_RUN = "runs/00003-demo"
OF_A_RUN = (  # one of them is in every run, scored folder, exported model and bundle
    *(RUN_FILE, CONFIG_FILE, MODEL_FILE, SCORES_FILE, EVALUATION_FILE, CHECKPOINT_FOLDER),
    *(SELECTION_FILE, METRICS_FILE, CASES_FILE, "models", "configs"),
)


def sample_file(iteration: int) -> str:
    """Return the name of the sample picture of an iteration, in SAMPLES_FOLDER."""
    return f"iter_{iteration:07d}.png"


def picture_stem(image: str) -> str:
    """Return what the names of an image's pictures begin with: its path without the ending.

    >>> picture_stem("images/sub-1/a.b.png")
    'images/sub-1/a.b'
    """
    return image.removesuffix(PurePosixPath(image).suffix)


def bundle_root() -> Path:
    """Return the folder that holds configs/train.json.

    Raises:
        FileNotFoundError: no place has it.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "bundle", package.parent / "bundle", package.parent):
        if (candidate / "configs" / "train.json").is_file():
            return candidate
    raise FileNotFoundError(f"{package}: the bundle is missing; install healthygan-monai again.")


def bundle_root_here() -> str:
    """Return the bundle of the current folder (``bundle`` or ``.``), else the installed one."""
    for folder in ("bundle", "."):
        if (Path(folder) / "configs" / "train.json").is_file():
            return folder
    return str(bundle_root())


def eval_folder(bundle: str) -> str:
    """Where inference and evaluation write by default: ``eval`` of the bundle, as MONAI's bundles
    do.

    An installed bundle is only read: where the one in use is that, and not below the current
    folder, it is ``eval`` here.
    """
    root = Path(bundle).resolve()
    own = root == bundle_root().resolve() and not root.is_relative_to(Path.cwd())
    return "eval" if own else str(Path(bundle) / "eval")


def size_in_metadata(root: Path | str) -> int:
    """Return the pixels a side in a bundle's metadata.json; MONAI Label reads no ``@_meta_``."""
    metadata = read_json(Path(root) / "configs" / METADATA_FILE)
    return int(metadata["network_data_format"]["inputs"]["image"]["spatial_shape"][0])


def read_run(folder: Path) -> dict[str, Any]:
    """Return what run.json of a run folder holds.

    Raises:
        NoModel: there is none; says what the folder should be.
        ModelError: it has an unknown key or a value of a wrong type; so for the readers below.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        raise NoModel(f"{path}: no such file; {folder} is not a run folder of healthygan.")
    return read(path, RUN)


def read_run_if_any(folder: Path) -> dict[str, Any]:
    """Return what run.json of a folder holds; nothing without one."""
    return read_run(folder) if (folder / RUN_FILE).is_file() else {}


def dataset_of_run(folder: Path) -> Path:
    """Return the data set that a run was trained on, by its run.json."""
    run = read_run(folder)
    if not run.get("dataset"):
        raise MissingData(f"{folder / RUN_FILE}: it names no data set; give one to the command.")
    return Path(run["dataset"])


def read_config(folder: Path) -> dict[str, Any]:
    """Return what config.json of a folder holds; nothing without one."""
    path = folder / CONFIG_FILE
    return read(path, CONFIG) if path.is_file() else {}


def read_serving(folder: Path) -> dict[str, Any]:
    """Return what serving.json of a folder holds; nothing without one."""
    path = folder / SERVING_FILE
    return read(path, SERVING) if path.is_file() else {}


def read_evaluation(folder: Path) -> dict[str, Any]:
    """Return what evaluation.json of a folder holds; nothing without one."""
    path = folder / EVALUATION_FILE
    return read(path, EVALUATION) if path.is_file() else {}


def go_on(run: Path) -> str:
    """Return the command that goes on with a run."""
    return f"healthygan train --resume {shlex.quote(str(run))}"


def training_states(run: Path | str) -> list[Path]:
    """Return the whole states of a run, oldest first; files of other names are not ours."""
    named = re.compile(rf"{TRAINING_PREFIX}_[0-9]+\.pt")
    found = (Path(run) / CHECKPOINT_FOLDER).glob(f"{TRAINING_PREFIX}_*.pt")
    return sorted((path for path in found if named.fullmatch(path.name)), key=iteration_of)


def iteration_of(state: Path) -> int:
    """Return the iteration of a whole state."""
    return int(state.stem.rpartition("_")[2])


def iterations_done(folder: Path | str, run: Mapping[str, Any] | None = None) -> int:
    """Return the iterations of a run, by run.json if it finished, else at its last whole state.

    Args:
        folder: of the run.
        run: its run.json, if that has been read.
    """
    if run is None:
        run = read_run_if_any(Path(folder))
    recorded, states = run.get("iterations"), training_states(folder)
    if isinstance(recorded, int):
        return recorded
    return iteration_of(states[-1]) if states else 0


def iterations_asked(config: Mapping[str, Any]) -> int:
    """Return the iterations that config.json asks for; 0 for a method that counts none."""
    options = config.get("options")
    for found in (config, options if isinstance(options, Mapping) else {}):
        if isinstance(found.get("max_iterations"), int):
            return found["max_iterations"]
    return 0


def training_lacks(folder: Path, run: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    """Return what a run's training lacks, and the command that goes on; None where it finished.

    Args:
        folder: of the run.
        run: its run.json.
        config: its config.json.
    """
    if "finished" not in run or run["finished"] is not None:
        return None
    asked = iterations_asked(config)
    done = f": {iterations_done(folder, run):,} of {asked:,} iterations are done" if asked else ""
    return f"training has not finished{done}. To go on: {go_on(folder)}"


def unfinished(folder: Path) -> str | None:
    """Read :func:`training_lacks` of a folder; None where it is not a run of training."""
    if not all((folder / name).is_file() for name in (RUN_FILE, CONFIG_FILE)):
        return None
    return training_lacks(folder, read_run(folder), read_config(folder))


def refuse_not_begun(folder: Path) -> None:
    """Refuse the folder of a run that was killed before its training began.

    Raises:
        NoModel: says what to do.
    """
    begun = (CONFIG_FILE, MODEL_FILE, SCORES_FILE)
    if NUMBERED.match(folder.resolve().name) and not any((folder / n).exists() for n in begun):
        raise NoModel(
            f"{folder}: this run was stopped before its training began, so it holds nothing. "
            "Delete the folder and begin again: healthygan train DATASET"
        )


def require_model(path: Path) -> Path:
    """Return the path of a model.

    Raises:
        NoModel: it is missing; says whether its run has not got so far.
    """
    if not path.is_file():
        refuse_not_begun(path.parent)
        lacks = unfinished(path.parent)
        told = lacks or f"give a run folder such as {A_RUN}, or its model.pt."
        raise NoModel(f"{path}: no such model; {told}")
    return path


def members_of(folder: Path) -> list[dict[str, Any]]:
    """Return ``members`` of run.json: what is known of each run of an ensemble; else nothing."""
    return list(read_run_if_any(folder).get("members") or [])


def refuse_ensemble(folder: Path) -> None:
    """Refuse a run folder that was not trained itself.

    Raises:
        UsageError: it is an ensemble; names the runs of its members.
    """
    if members := members_of(folder):
        names = ", ".join(str(member["run"]) for member in members)
        raise UsageError(
            f"{folder}: an ensemble, which has no checkpoints. Give the run of a member ({names}), "
            "then make it again: healthygan ensemble RUN RUN."
        )


def refuse_program_of(run: Path, key: str, name: str) -> None:
    """Refuse a setting of config.json that is a file in the run folder itself.

    Such a file is a TorchScript program. A run folder is read as data, and nothing in it is run.

    Raises:
        ModelError: the file is in the folder.
    """
    if Path(name).resolve().is_relative_to(run.resolve()) and Path(name).is_file():
        raise ModelError(
            f"{run / CONFIG_FILE}: {key} is {name!r}, a program in the run folder, which is not "
            "run. If you trust it, put it in another place and write that into config.json."
        )


def run_of(path: Path) -> Path:
    """Return the run folder: the given one, or that of the given file.

    Raises:
        NoModel: no such folder, its training never began, or it holds something else.
    """
    folder = path.parent if path.is_file() else path
    if not folder.is_dir():
        raise NoModel(f"{path}: no such run folder; they are named like {A_RUN}.")
    refuse_not_begun(folder)
    if not any((folder / name).exists() for name in OF_A_RUN):
        told = instead_of_run(path) or f"not a run folder; they are named like {A_RUN}."
        raise NoModel(f"{path}: {told}")
    return folder


def require_utf8(folder: Path) -> None:
    """Refuse a folder in which TensorBoard cannot write."""
    if not is_utf8(folder):
        raise UsageError(
            f"{str(folder)!a}: a folder whose name is not UTF-8, in which TensorBoard cannot "
            "write; give another folder for runs, or rename this one."
        )


def is_utf8(path: Path) -> bool:
    """Tell whether every byte of a path is UTF-8."""
    return not any("\udc80" <= character <= "\udcff" for character in str(path))
