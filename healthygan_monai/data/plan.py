"""Recipes: named sets of defaults of a training, and which one a data set gets.

``paper`` is the paper's (Appx. A, Tables 2 and 3). ``pretrained`` is for a workstation and some
hundred images: a frozen pretrained critic, an additive translation, a price that sets itself.
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from data_prep.datalist import DataError, Dataset, read
from data_prep.errors import UsageError, nearest
from data_prep.files import read_json
from healthygan_monai.losses import HealthyGANLoss
from healthygan_monai.paths import CONFIG_FILE

CRITIC_LAYERS = 6  # paper, Table 2


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
    prices: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
    price_folds: int = 2
    price_iterations: int = 200
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
        price="auto",
        price_healthy=10.0,
        price_warmup=150,
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
    # Small networks and a short run. With the paper's weights of the losses such a run ends with
    # the mask all open for some seeds and selective for others (docs/paper_vs_code.md); with these
    # it was selective for all tried.
    "demo": Plan(
        image_size=64,
        batch_size=8,
        max_iterations=1000,
        decay_share=0.5,
        learning_rate=5e-4,
        generator_channels=8,
        generator_blocks=3,
        critic_channels=16,
        lambda_id=10.0,
        lambda_fs=20.0,
        lambda_fz=0.1,
        checkpoints=10,
        criterion="aucp",
    ),
}


def critic_layers_for(image_size: int) -> int:
    """Return the strided layers that leave 2 x 2 patches: the paper's 6 from 128 pixels on."""
    return max(1, min(CRITIC_LAYERS, int(math.log2(image_size)) - 1))


def iterations_for(dataset: Dataset, batch_size: int) -> int:
    """Return the iterations of the recipe ``pretrained``: ten times through the mixed set.

    In hundreds, from 400 (a smaller set is learned by heart all the same) to 4,000 (some hours on a
    workstation).
    """
    batches = 10 * len(dataset.sections["training_mixed"]) / batch_size
    return min(4000, max(400, 100 * round(batches / 100)))


def plan_for(dataset: Dataset, recipe: str | None = None) -> Plan:
    """The plan of a recipe for a data set, at its image size.

    Without a recipe: that of the data set's protocol, which is the paper's for the paper's data
    sets, else ``pretrained``. At 128 pixels and below the paper's recipe has the paper's batch of
    32 there.

    Raises:
        DataError: a protocol of that name is not known, or the image size does not suit the
            generator.
        UsageError: no such recipe.
    """
    size = dataset.image_size
    if size < 16 or size % 4:
        raise DataError(
            f"dataset.json: image_size is {size}; the generator halves images twice, so it must be "
            "a multiple of 4 and at least 16. Prepare the images again with --size 64, 128 or 256."
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
    if plan.recipe == "pretrained":
        plan = replace(plan, max_iterations=iterations_for(dataset, plan.batch_size))
    return replace(
        plan,
        image_size=size,
        critic_layers=critic_layers_for(size),
        critic_size=max(plan.critic_size, size),
    )


def plan_at(
    folder: Path | str | None, recipe: str | None = None, resume: Path | str | None = None
) -> Plan:
    """:func:`plan_for` the data set in a folder, reading its dataset.json only; for None that of
    the demo. So networks can be made, and weights be loaded into them, without any images.

    Args:
        folder: of the data set.
        recipe: its name; None to have it chosen.
        resume: a run that goes on, by the recipe that it was begun with.

    Raises:
        DataError, UsageError: as for :func:`plan_for`, or there is no data set.
    """
    from data_prep.demo import IMAGE_SIZE

    if resume is not None and recipe is None:
        recipe = recipe_of_run(Path(resume))
    if folder is None:
        return plan_for(Dataset("demo", IMAGE_SIZE, protocol="demo"), recipe)
    return plan_for(read(folder), recipe)


def recipe_of_run(run: Path) -> str:
    """The recipe that a run was begun with; a run older than recipes had the paper's."""
    path = run / CONFIG_FILE
    return str(read_json(path).get("recipe", "paper")) if path.is_file() else "paper"
