"""What survives of a film full of identifiers: dicognito's DICOM beside our PNG, JSON and lists.

    python benchmarks/deidentify_side_by_side.py [--summary]

Every attribute of the PS3.15 Basic Profile (tests/helpers/basic_profile.txt) is planted at the
top level and in a sequence, with private elements beside them. In dicognito's DICOM an attribute
survives where its element still holds the planted value, in our output where any byte of any file
does. The two tools do different work: dicognito writes a DICOM file that stays usable and does not
claim the profile; we write pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import numpy as np  # noqa: E402
import pydicom  # noqa: E402
from basic_profile import Planted, leaks, plant, profile, read_back  # noqa: E402

from data_prep.film import FilmRecipe  # noqa: E402
from data_prep.pipeline import run  # noqa: E402
from data_prep.read.dicom.write import save_dicom  # noqa: E402
from data_prep.settings import Settings  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--summary", action="store_true", help="counts only, no attributes")
    arguments = parser.parse_args()
    try:
        from dicognito import __version__ as version
        from dicognito.anonymizer import Anonymizer
    except ImportError:
        print("dicognito is not installed: pip install dicognito", file=sys.stderr)
        return 1
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        film, planted = make_film(Path(folder) / "in")
        dataset = pydicom.dcmread(film)
        Anonymizer(seed="0").anonymize(dataset)
        theirs = Path(folder) / "dicognito.dcm"
        dataset.save_as(theirs)
        # a control: what is compared is there to begin with
        missing = set(planted.values) - unchanged(pydicom.dcmread(film), planted)
        assert not missing, sorted(missing)
        run(Settings(film.parent, Path(folder) / "out", FilmRecipe(size=32)))
        ours = {p.name: p.read_bytes() for p in (Path(folder) / "out").rglob("*") if p.is_file()}
        survived = {
            "dicognito": unchanged(pydicom.dcmread(theirs), planted),
            "ours": found(ours, planted),
        }
    print(f"dicognito {version}, pydicom {pydicom.__version__}, {len(planted.values)} values")
    if not arguments.summary:
        list_values(planted, survived)
    list_counts(planted, survived)
    return 0


def make_film(folder: Path) -> tuple[Path, Planted]:
    """One chest film of 64 x 64 pixels, all attributes planted."""
    dataset = pydicom.Dataset()
    planted = plant(dataset)
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.Modality, dataset.ViewPosition = "DX", "PA"
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "MONOCHROME2", 1
    dataset.Rows = dataset.Columns = 64
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = np.arange(64 * 64, dtype="<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    folder.mkdir()
    save_dicom(dataset, folder / "film.dcm")
    return folder / "film.dcm", planted


def unchanged(dataset: pydicom.Dataset, planted: Planted) -> set[str]:
    """The places (top/PatientID, ...) whose element still holds what was planted there."""
    now = read_back(dataset)
    return {where for where, value in planted.values.items() if value in now.get(where, "")}


def found(places: dict[str, bytes], planted: Planted) -> set[str]:
    """The places whose value any byte of any file still holds."""
    return {where for where, value in planted.values.items() if leaks(places, [value])}


def list_values(planted: Planted, survived: dict[str, set[str]]) -> None:
    actions = {attribute.keyword: attribute.action for attribute in profile()}
    print(f"{'planted at':<72} {'PS3.15':<7} {'dicognito':<10} ours")
    for where in planted.values:
        told = ["survives" if where in names else "gone" for names in survived.values()]
        action = actions.get(where.rpartition("/")[2], "X")
        print(f"{where:<72} {action:<7} {told[0]:<10} {told[1]}")


def list_counts(planted: Planted, survived: dict[str, set[str]]) -> None:
    def group(where: str) -> str:
        return where.partition("/")[0]

    total = Counter(group(where) for where in planted.values)
    print(f"{'survive of':<12} {'planted':>8} {'dicognito':>10} {'ours':>6}")
    for name, count in total.items():
        kept = [sum(group(where) == name for where in names) for names in survived.values()]
        print(f"{name:<12} {count:>8} {kept[0]:>10} {kept[1]:>6}")
    kept = [len(names) for names in survived.values()]
    print(f"{'all':<12} {total.total():>8} {kept[0]:>10} {kept[1]:>6}")


if __name__ == "__main__":
    sys.exit(main())
