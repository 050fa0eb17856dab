"""Recipes: named sets of defaults of a training, and which one a data set gets.

``paper`` is the paper's (Appx. A, Tables 2 and 3). ``pretrained`` is for a workstation and some
hundred images: a frozen pretrained critic, an additive translation, a price that sets itself.
"""

import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from data_prep.datalist import SIZES, UNLABELLED, DataError, Dataset, fits_networks, read
from data_prep.errors import UsageError, nearest
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.paths import read_config

CRITIC_LAYERS = 6  # paper, Table 2
LARGE = 128  # pixels a side; why: docs/pretrained_critic.md
AUTO = "auto"  # a price that is searched
MOST_WARMUP = 0.75  # of a training: the full price has to show what it does
JUDGES = 10  # subjects of each training section; why: docs/pretrained_critic.md


@dataclass(frozen=True)
class Plan:
    """Defaults of a training run; ``train.json`` reads them and every one can be overridden there.

    The defaults are the paper's (Appx. A, Tables 2 and 3) with grey images.
    """

    recipe: str = "paper"
    critic: str = "paper"
    translation: str = "masked"
    image_size: int = 256
    image_channels: int = 1
    batch_size: int = 16
    max_iterations: int = 400_000
    decay_share: float = 0.25
    learning_rate: float = 1e-4
    generator_channels: int = 64
    generator_blocks: int = 6
    critic_channels: int = 64
    critic_layers: int = CRITIC_LAYERS
    critic_backbone: str = "efficientnet_lite0"
    critic_size: int = 96
    critic_dropout: float = 0.0
    n_critic: int = 2
    ema: float = 0.0
    price: float | str | None = 1.0
    price_healthy: float = HealthyGANLoss.price_healthy
    price_warmup: int = HealthyGANLoss.price_warmup
    warmup_share: float = 0.0  # of the iterations, where these are more; why: pretrained_critic.md
    prices: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0)
    price_folds: int = 2  # more where few judge: ``folds_for``
    price_iterations: int = 200
    price_kept_out: float = 0.2
    kept_out: float = 0.0
    patience: int = 0
    lambda_adv_healthy: float = HealthyGANLoss.lambda_adv_healthy
    lambda_id: float = HealthyGANLoss.lambda_id
    lambda_rec: float = HealthyGANLoss.lambda_rec
    lambda_f: float = HealthyGANLoss.lambda_f
    lambda_fs: float = HealthyGANLoss.lambda_fs
    lambda_fz: float = HealthyGANLoss.lambda_fz
    checkpoints: int = 40
    criterion: str = "fid"

    def __getitem__(self, key: str) -> Any:
        return asdict(self)[key]

    def warmup(self, iterations: int) -> int:
        """Return over how many iterations the price rises in a run of so many.

        ``price_warmup``, or ``warmup_share`` of the run where that is more; at most MOST_WARMUP.
        """
        wanted = max(self.price_warmup, int(self.warmup_share * iterations))
        return min(wanted, longest_warmup(iterations))


RECIPES: dict[str, Plan] = {
    "paper": Plan(),
    # why: docs/pretrained_critic.md
    "pretrained": Plan(
        recipe="pretrained",
        critic="pretrained",
        translation="additive",
        batch_size=16,
        max_iterations=400,
        decay_share=0.5,
        learning_rate=1e-3,
        generator_channels=8,
        generator_blocks=3,
        critic_channels=48,
        n_critic=1,
        ema=0.99,
        price=AUTO,
        price_healthy=2.0,
        price_warmup=150,
        warmup_share=0.5,
        kept_out=0.2,
        lambda_adv_healthy=0.0,
        checkpoints=8,
        criterion="aucp",
    ),
}
PROTOCOLS: dict[str, Plan] = {
    "covidx": Plan(image_size=256, batch_size=16),
    "chestxray14": Plan(image_size=128, batch_size=32),
    "migraine": Plan(image_size=256, batch_size=16),
    # given prices, since a search takes three to four times as long as the run
    "demo": replace(
        RECIPES["pretrained"], image_size=64, price=1.0, price_healthy=10.0, warmup_share=0.0
    ),
}


def longest_warmup(iterations: int) -> int:
    """Return over how many of a training's iterations the price may rise at most."""
    return int(MOST_WARMUP * iterations)


def critic_layers_for(image_size: int) -> int:
    """Return the strided layers that leave 2 x 2 patches: the paper's 6 from 128 pixels on."""
    return max(1, min(CRITIC_LAYERS, int(math.log2(image_size)) - 1))


def at_size(plan: Plan, image_size: int) -> Plan:
    """Return the plan with networks that suit images of that size.

    By the recipe ``pretrained`` the generator is deeper from 128 pixels on, and the critic looks
    at half the side, but at least at 96 x 96.
    """
    plan = replace(plan, image_size=image_size, critic_layers=critic_layers_for(image_size))
    if plan.recipe != "pretrained":
        return replace(plan, critic_size=max(plan.critic_size, image_size))
    return replace(
        plan,
        generator_blocks=plan.generator_blocks * (2 if image_size >= LARGE else 1),
        critic_size=max(plan.critic_size, image_size // 2),
    )


def iterations_for(dataset: Dataset, batch_size: int, kept_out: float) -> int:
    """Return the iterations of the recipe ``pretrained``: ten times through the mixed set, twenty
    times from 128 pixels on and where nobody is kept out.

    In hundreds, from 400 (a smaller set is learned by heart all the same) to 4,000 (some hours on a
    workstation).
    """
    passes = 20 if dataset.image_size >= LARGE or not kept_out else 10
    batches = passes * len(dataset.sections["training_mixed"]) / batch_size
    return min(4000, max(400, 100 * round(batches / 100)))


def kept_out_for(dataset: Dataset, share: float) -> float:
    """Return the share of subjects that a run keeps out of training: none where fewer than
    ``JUDGES`` of a training section would be left to judge by.

    So few say little (AUCp of five mixed and four healthy subjects has a standard error of about
    0.2), and are missed in training. The trials of the price keep subjects out all the same.
    """
    subjects = [len(dataset.subjects[name]) for name in UNLABELLED]
    return share if not any(subjects) or min(subjects) * share >= JUDGES else 0.0


def folds_for(dataset: Dataset, plan: Plan) -> int:
    """Return in how many folds a price is tried: one more than ``price_folds`` where fewer than
    ``JUDGES`` subjects of a training section judge in one fold.
    """
    subjects = [len(dataset.subjects[name]) for name in UNLABELLED]
    few = any(subjects) and min(subjects) * plan.price_kept_out < JUDGES
    return plan.price_folds + few


def batch_for(dataset: Dataset, most: int, memory: int | None) -> int:
    """Return the images in a batch: halved from ``most`` until the smaller training set fills one
    and the training takes at most half of the memory, but at least 1.

    Training by the recipe ``pretrained`` took 0.9, 1.3 and 3.2 GB with 16 images of 64, 128 and 256
    pixels a side: about 0.7 GB and 2,400 bytes a pixel.

    Args:
        memory: of the machine or GPU, in bytes; None if it is not known.
    """
    sections = [len(dataset.sections[name]) for name in UNLABELLED]
    fewest, room = min(sections) or most, math.inf if memory is None else memory / 2
    batch = most
    while batch > 1 and (batch > fewest or 7e8 + 2400 * batch * dataset.image_size**2 > room):
        batch //= 2
    return batch


def plan_for(dataset: Dataset, recipe: str | None = None, memory: int | None = None) -> Plan:
    """The plan of a recipe for a data set, at its image size.

    Without a recipe: that of the data set's protocol, which is the paper's for the paper's data
    sets, else ``pretrained``. At 128 pixels and below the paper's recipe has the paper's batch of
    32 there. The recipe ``pretrained`` goes by the images and the machine: :func:`batch_for`,
    :func:`iterations_for`, :func:`kept_out_for`, :func:`at_size`.

    Args:
        dataset: whose images are learned from.
        recipe: its name; None to have it chosen.
        memory: of the machine or GPU, in bytes; None if it is not known.

    Raises:
        DataError: a protocol of that name is not known, or the image size does not suit the
            generator.
        UsageError: no such recipe.
    """
    size = dataset.image_size
    if not fits_networks(size):
        raise DataError(
            f"dataset.json: image_size is {size}; the generator halves images twice, so it must be "
            f"{SIZES}. Prepare the images again with --size 64, 128 or 256."
        )
    if dataset.protocol is not None and dataset.protocol not in PROTOCOLS:
        raise DataError(
            f"dataset.json: protocol {dataset.protocol!r} is not known"
            f"{nearest(dataset.protocol, PROTOCOLS) or '.'} "
            f"Expected one of {sorted(PROTOCOLS)} or null."
        )
    if recipe is not None and recipe not in RECIPES:
        raise UsageError(
            f"recipe is {recipe!r}{nearest(recipe, RECIPES) or ';'} expected one of "
            f"{', '.join(RECIPES)}."
        )
    of_protocol = PROTOCOLS.get(dataset.protocol or "")
    if of_protocol is not None and recipe in (None, of_protocol.recipe):
        plan = of_protocol
    elif recipe == "paper":
        plan = Plan(batch_size=16 if size > 128 else 32)
    else:
        plan = RECIPES["pretrained"]
    plan = at_size(plan, size)
    if plan.recipe != "pretrained":
        return plan
    batch = batch_for(dataset, plan.batch_size, memory)
    kept_out = kept_out_for(dataset, plan.kept_out)
    return replace(
        plan,
        batch_size=batch,
        max_iterations=iterations_for(dataset, batch, kept_out),
        kept_out=kept_out,
        price_folds=folds_for(dataset, plan),
    )


def plan_at(
    folder: Path | str | None,
    recipe: str | None = None,
    resume: Path | str | None = None,
    device: torch.device | None = None,
) -> Plan:
    """:func:`plan_for` the data set in a folder, reading its dataset.json only; for None that of
    the demo. So networks can be made, and weights be loaded into them, without any images.

    Args:
        folder: of the data set.
        recipe: its name; None to have it chosen.
        resume: a run that goes on, by the recipe and the sizes that it was begun with, whatever the
            machine.
        device: to train on; None if it is not known.

    Raises:
        DataError, UsageError: as for :func:`plan_for`, or there is no data set.
    """
    from data_prep.demo import IMAGE_SIZE

    if resume is not None and recipe is None:
        recipe = recipe_of_run(Path(resume))
    dataset = Dataset("demo", IMAGE_SIZE, protocol="demo") if folder is None else read(folder)
    plan = plan_for(dataset, recipe, None if device is None else memory_of(device))
    return plan if resume is None else replace(plan, **_sizes_of_run(Path(resume)))


def memory_of(device: torch.device) -> int | None:
    """Return the bytes that a GPU has, else those of the machine; None where it does not say."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return None


def _sizes_of_run(run: Path) -> dict[str, Any]:
    """Return the sizes that images and machine decided when a run was begun."""
    begun = read_config(run)
    names = ("batch_size", "max_iterations", "critic_size", "generator_blocks", "kept_out")
    return {name: begun[name] for name in names if name in begun}


def recipe_of_run(run: Path) -> str:
    """The recipe that a run was begun with; a run older than recipes had the paper's."""
    return str(read_config(run).get("recipe", "paper"))
