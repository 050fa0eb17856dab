"""Run `METHOD HEAD.nii.gz MASK.nii.gz` in a process; deepbet loads torch here alone."""

import sys
from pathlib import Path
from typing import Any


def main(method: str, head: Path, mask: Path) -> int:
    """Write the mask (0, 1) of a head in RAS+ order; returns the exit code."""
    import nibabel as nib
    import numpy as np

    image: Any = nib.load(head)
    found = {"deepbet": _deepbet, "brainextractor": _brainextractor}[method](image)
    nib.save(nib.Nifti1Image(np.asarray(found, np.uint8), image.affine), mask)
    return 0


def _deepbet(image: Any) -> Any:
    import torch
    from deepbet.bet import BrainExtraction

    torch.set_num_threads(1)  # the workers of the pipeline have the cores already
    _, mask, _ = BrainExtraction(no_gpu=True).run(image)
    return mask.get_fdata() > 0.5


def _brainextractor(image: Any) -> Any:
    from brainextractor import BrainExtractor

    bet = BrainExtractor(image)
    bet.run()
    return bet.compute_mask() > 0.5


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
