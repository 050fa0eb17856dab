"""From the recipe stored in dataset.json back to the same preparation, of other inputs."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from data_prep.brain import template
from data_prep.brain.options import BrainOptions, resolved
from data_prep.brain.recipe import BrainRecipe
from data_prep.errors import DataError, UsageError
from data_prep.files import sha256
from data_prep.film.options import FilmOptions
from data_prep.film.recipe import FilmRecipe
from data_prep.frame.recipe import PIXELS
from data_prep.inputs.choices import Cohort
from data_prep.inputs.find import find
from data_prep.pipeline import prepare
from data_prep.prepared import Prepared, Ready, content
from data_prep.settings import Settings, Work

__all__ = [
    "Prepared", "Ready", "Work", "content", "default_recipe", "kind_of_inputs", "prepare_again",
    "recipe_from",
]  # fmt: skip

log = logging.getLogger(__name__)

RECIPES: dict[str, type[FilmRecipe | BrainRecipe]] = {"films": FilmRecipe, "brains": BrainRecipe}
KINDS = {
    bool: "true or false", int: "a whole number", float: "a number", str: "a text",
    type(None): "null",
}  # fmt: skip


def kind_of_inputs(folder: Path) -> str:
    """'brains' where there is a NIfTI volume, else 'films': for models that do not tell."""
    return "brains" if any(s.kind == "nifti" for s in find(folder).sources) else "films"


def default_recipe(kind: str, size: int) -> dict[str, Any]:
    """What ``healthygan prep KIND --size SIZE`` does without further flags."""
    if kind not in RECIPES:
        raise ValueError(f"kind is {kind!r}; expected one of {tuple(RECIPES)}")
    return RECIPES[kind](size=size).record()


def prepare_again(
    record: Mapping[str, Any],
    given: Path,
    output: Path,
    *,
    options: Mapping[str, Any] | None = None,
    pseudonyms: str = "keyed",
    key_file: Path | None = None,
    salt: bytes = b"",
    work: Work | None = None,
    keep_seen: bool = False,
) -> Prepared:
    """Prepare all below ``given`` by a stored recipe, for inference, whatever the folder names.

    Writes only ``images/`` and sidecars, and ``seen/``; a bad file is among the outcomes. record,
    options: see `recipe_from`; others: Cohort, Work, Settings. DataError, FileNotFoundError: no
    recipe, no input.
    """
    cohort = Cohort(pseudonyms=pseudonyms, key_file=key_file, salt=salt, by_folders=False)
    recipe = recipe_from(record, options)
    return prepare(Settings(given, output, recipe, cohort, work or Work(), keep_seen=keep_seen))


def recipe_from(
    record: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> FilmRecipe | BrainRecipe:
    """Return the recipe that has this ``record()``, defaults for the rest; ``options`` differ.

    DataError: no recipe, or it needs files it only names (brain masks, another template).
    UsageError: an option has an invalid value.
    """
    try:
        kind = str(record["kind"])
        whole = {**default_recipe(kind, record["size"]), **record}
        chosen = {**whole["options"], **_known(options or {}, kind)}
        common = {
            "size": whole["size"],
            "bits": whole["bits"],
            "framing": whole["framing"]["policy"],
            "intensity": _intensity(whole["intensity"]),
        }
        recipe: FilmRecipe | BrainRecipe
        if kind == "films":
            films = FilmOptions(**chosen)
            recipe = FilmRecipe(**common, collimation=whole["collimation"], options=films)
        else:
            recipe = BrainRecipe(**common, options=_here(chosen))
    except DataError:
        raise
    except UsageError as error:
        if options:
            raise
        raise _no_recipe(error) from error
    except (KeyError, TypeError, ValueError) as error:
        raise _no_recipe(error) from error
    if whole["pixels"] != PIXELS:
        log.warning(
            "the recipe was written by another version of data_prep, whose pixels differ; prepare "
            "the training data again for scores that can be compared"
        )
    return recipe


def _no_recipe(error: Exception) -> DataError:
    return DataError(
        f"not a recipe of this version ({type(error).__name__}: {error}). Expected "
        "generated_by.recipe of a dataset.json; prepare the data set again, or give another recipe."
    )


def _known(options: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return options whose names and kinds of values are known; a number is a text too."""
    kinds = get_type_hints(FilmOptions if kind == "films" else BrainOptions)
    unknown = [repr(name) for name in options if name not in kinds]
    if unknown:
        raise DataError(
            f"options: {', '.join(unknown)} unknown for {kind}; expected some of "
            f"{', '.join(kinds)}."
        )
    return {name: _of_kind(name, value, kinds[name]) for name, value in options.items()}


def _of_kind(name: str, value: Any, hint: Any) -> Any:
    allowed = get_args(hint) or (hint,)  # of None too: (float, NoneType)
    if (type(value) in (int, float) and str in allowed) or isinstance(value, Path):
        value = str(value)  # --options step=2
    elif type(value) is int and float in allowed:
        value = float(value)
    if type(value) not in allowed:
        words = " or ".join(KINDS[each] for each in allowed)
        raise UsageError(f"options: {name} is {value!r}; expected {words}.")
    return value


def _intensity(record: Mapping[str, Any]) -> str:
    """The text of Recipe.intensity whose record this is."""
    policy = str(record["policy"])
    return f"{policy}:{record['low']!r},{record['high']!r}" if "low" in record else policy


def _here(options: dict[str, Any]) -> BrainOptions:
    """Return options with the files of this machine: a recipe has names of files only."""
    if options.get("brain") == "mask":
        raise DataError(
            "the training heads were prepared with brain masks of their own (--brain mask:FOLDER), "
            "which these files lack. Prepare them with healthygan prep brains and give that folder."
        )
    wanted = dict(options)
    if wanted.get("mni"):
        name = wanted.get("template", "")  # no file here: the one that nilearn ships
        path = template.find_template(name if Path(name).is_file() else "")
        if sha256(path) != wanted.get("template_sha256"):
            raise DataError(
                f"the training heads were laid onto the template {Path(wanted['template']).name}, "
                f"and {path.name} here is another. Give that file: options={{'template': PATH}}."
            )
        wanted["template"] = str(path)
    found = resolved(BrainOptions.of(wanted))
    if found.brain_version != options.get("brain_version", ""):
        log.warning(
            "brain extraction: %s %s here, %s in training",
            found.brain,
            found.brain_version,
            options.get("brain_version"),
        )
    return found
