"""What each key of ``train.json`` means, and its default for a recipe: ``healthygan keys``."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from data_prep.errors import UsageError, nearest
from data_prep.files import read_json
from healthygan_monai.paths import bundle_root

# one line each, in the order of train.json; what the losses weigh: losses.py
MEANINGS = {
    "seed": "of every draw: first weights, batches, split",
    "recipe": "set of defaults: paper or pretrained; null: what suits the data set",
    "critic": "paper (Table 2, Wasserstein loss) or pretrained (frozen network, light heads)",
    "translation": "masked (Eq. 1 and 2) or additive (B' = x + m(x))",
    "image_size": "pixels a side that images are resized to; a multiple of 4, at least 16",
    "image_channels": "1 (grey) or 3 (as the published checkpoints)",
    "generator_channels": "width of the generator's first layer (Table 3: 64)",
    "generator_blocks": "residual blocks of the generator (Table 3: 6)",
    "critic_channels": "width of the critic's first layer, or of the heads",
    "critic_layers": "strided layers of the paper's critic (Table 2: 6)",
    "critic_backbone": "frozen network of the pretrained critic: its name, or a TorchScript file",
    "critic_weights": "file of the backbone's weights; null: those that its package brings",
    "critic_size": "pixels a side that the pretrained critic looks at, 32 or more",
    "critic_dropout": "share of features that the heads leave out in training, below 1",
    "critic_strength": "how far images are turned and shifted for the critic; 0: not at all",
    "critic_adapt": "whether that strength follows the critic's answers to real images",
    "batch_size": "images of each set in an iteration; lower it if memory runs out",
    "max_iterations": "iterations of the training, counted in critic updates",
    "decay_iterations": "last iterations, over which the learning rate falls to 0",
    "lr_schedule": "how it falls: linear, or authors (as their code: 0.1 % in all)",
    "learning_rate": "of Adam for the generator",
    "critic_learning_rate": "of Adam for the critic",
    "ema": "decay of the moving average of weights that is the model; 0: the last weights",
    "betas": "the two moment decays of Adam",
    "n_critic": "critic updates for one of the generator",
    "price": "what a change of an image costs: a number, auto (searched) or null (free)",
    "price_healthy": "how many times dearer it is to change a known-healthy image",
    "price_warmup": "iterations over which the price rises from 0",
    "prices": "those that price=auto tries",
    "price_folds": "times that each is tried, with other subjects kept out",
    "price_batch_size": "images of each set in an iteration of a trial",
    "price_iterations": "iterations of each trial",
    "price_kept_out": "share of the subjects kept out of a trial, 0 to 0.5",
    "lambda_gp": "weight of the gradient penalty of the critic (Eq. 3)",
    "lambda_id": "weight of the identity loss (Eq. 5)",
    "lambda_rec": "weight of the reconstruction loss (Eq. 6)",
    "lambda_f": "weight of the focus loss as a whole (Eq. 8)",
    "lambda_fs": "weight of the size of the mask (Eq. 7)",
    "lambda_fz": "weight of a mask that is neither 0 nor 1 (Eq. 7)",
    "focus_eps": "constant in the denominator of Eq. 7",
    "focus_reduction": "size of the mask over the batch (authors' code) or the image (Eq. 7)",
    "lambda_adv_healthy": "weight of translated known-healthy images in Eq. 4",
    "reconstruction_moves_mask": "whether Eq. 6 may move the mask",
    "flip_prob": "probability of a mirrored image in training, 0 to 1",
    "mirrored": "whether a score takes the mean over the image and its mirror image (additive)",
    "amp": "whether to compute in half precision where it is safe (CUDA)",
    "num_workers": "processes that read images",
    "cache_rate": "share of the images kept in memory, 0 to 1",
    "checkpoints": "how often the model is judged and saved",
    "epoch_length": "iterations between checkpoints",
    "log_interval": "iterations between lines of metrics.jsonl",
    "val_interval": "one in so many checkpoints is judged; a divisor of their number",
    "criterion": "what chooses the model: fid (paper) or aucp (mixed against healthy scores)",
    "fid_features": "network of FID: auto, its name, or a TorchScript file",
    "selection_images": "images of each set that judge a checkpoint, at most",
    "kept_out": "share of the subjects kept out of training to judge by, 0 to 0.5",
    "patience": "checkpoints without a better one before training ends; 0: never",
}
BY_DATA = (  # data/plan.py says by what
    "image_size", "batch_size", "max_iterations", "critic_layers", "critic_size",
    "generator_blocks", "price_warmup",
)  # fmt: skip


def key_rows(recipe: str, pattern: str = "*") -> Iterator[tuple[str, str, str]]:
    """Yield key, default and meaning of each key that a pattern or a part of a name matches.

    Raises:
        UsageError: no such recipe; no such key, with the nearest.
    """
    names = matching(pattern)  # before what is slow to load
    from healthygan_monai.data.plan import RECIPES

    if recipe not in RECIPES:
        raise UsageError(
            f"--recipe {recipe}{nearest(recipe, RECIPES) or ':'} expected {' or '.join(RECIPES)}."
        )
    content = read_json(bundle_root() / "configs" / "train.json")
    defaults = _defaults(content, names, RECIPES[recipe])
    for name in names:
        by_data = " *" if name in BY_DATA else ""
        yield name, f"{defaults[name]}{by_data}", MEANINGS[name]


def matching(pattern: str) -> list[str]:
    """Return the keys of a pattern such as ``price*``, or of a part of a name.

    Raises:
        UsageError: none.
    """
    wanted = pattern if any(c in pattern for c in "*?[") else f"*{pattern}*"
    found = [name for name in MEANINGS if fnmatchcase(name, wanted.lower())]
    if not found:
        near = nearest(pattern, MEANINGS) or "."
        raise UsageError(f"no key of train.json is called {pattern!r}{near} All: healthygan keys")
    return found


def _defaults(content: dict[str, Any], names: Sequence[str], plan: Any) -> dict[str, Any]:
    """Return the values of train.json with a plan in place of its own, and no data set."""
    from monai.bundle import ConfigParser

    settable = {key: value for key, value in content.items() if key in MEANINGS}
    parser = ConfigParser({**settable, "recipe": plan.recipe, "plan": "$None"})
    parser["plan"] = plan
    parser.parse(reset=True)
    return {name: parser.get_parsed_content(name) for name in names}
