"""Where a model is: its file, and the bundle around it.

Nothing here loads PyTorch, so that a command can tell at once that a path is wrong.
"""

from pathlib import Path

from data_prep.datalist import instead_of_run
from healthygan_monai.errors import NoModel
from healthygan_monai.paths import (
    METADATA_FILE,
    MODEL_FILE,
    require_model,
    run_of,
    size_in_metadata,
)


def model_file(run_or_model: Path) -> Path:
    """Return the model.pt: the given file, or the one in the given run folder or bundle.

    Raises:
        NoModel: there is none, or no such folder.
    """
    if run_or_model.is_file() and (told := instead_of_run(run_or_model)):
        raise NoModel(f"{run_or_model}: {told}")
    if run_or_model.is_file() or (run_or_model.suffix and not run_or_model.is_dir()):
        return require_model(run_or_model)
    folder = run_of(run_or_model)
    inside = folder / "models" / MODEL_FILE  # of a bundle
    return require_model(inside if inside.is_file() else folder / MODEL_FILE)


def bundle_around(checkpoint: Path) -> Path | None:
    """Return the folder of the bundle that a model is in, if any."""
    models = checkpoint.absolute().parent
    found = models.name == "models" and (models.parent / "configs" / METADATA_FILE).is_file()
    return models.parent if found else None


def size_of_its_bundle(checkpoint: Path) -> int:
    """Return the image size in the metadata of a model's bundle; 0 if it is not in a bundle."""
    root = bundle_around(checkpoint)
    return size_in_metadata(root) if root is not None else 0
