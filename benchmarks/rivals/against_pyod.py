"""ALAD beside pyod's, the only packaged one, which is for vectors: the same weights, then the same
vectors.

    python benchmarks/rivals/against_pyod.py --peer VENV/bin/python [--seeds 3 --iterations 1500]

pyod 3.6.7 lives in an environment of its own:

    python -m venv VENV && VENV/bin/pip install torch==2.13.0 && VENV/bin/pip install pyod==3.6.7
    pandas

Ours gets pyod's networks in place of the convolutions (hidden layers of 25, 10, 5, tanh, dropout
0.2, codes of 2); losses, step, averaged weights and score are those that images have.

Where pyod departs from the paper, by reading of its 3.6.7:

- D_xx is shown (x, G(z)) of an unrelated z instead of (x, G(E(x))), and D_zz (z, E(x)) instead of
  (z, E(G(z))): the two cycles are not in its losses;
- the score is the squared difference of D_xx's two outputs, instead of a distance of its features;
- dropout stays on while it scores, so that a second call gives other scores;
- an "epoch" is one batch; noise of 0.1 is added to the data (here 0).

So part 1 takes one set of weights, dropout off, and compares what both compute: G(E(x)), D_xz's
loss, and pyod's score computed with our networks. Part 2 trains both on the same vectors with the
same rates, batch size and number of steps. Vectors: benign against malignant cells of
scikit-learn's breast cancer data, standardised by the benign training half; and points drawn on a
curved surface against points whose coordinates were shuffled, which have the same marginals.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

LAYERS, LATENT, BATCH, RATE = [25, 10, 5], 2, 32, 1e-3
DATA = ("cells", "surface")


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    if arguments.half:
        peer(Path(arguments.half))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "half.pt"
        content = {
            "iterations": arguments.iterations,
            "seeds": arguments.seeds,
            "data": {name: vectors(name) for name in DATA},
        }
        torch.save(content, path)
        subprocess.run([arguments.peer, __file__, "--half", str(path)], check=True)
        theirs = torch.load(path.with_suffix(".out"), weights_only=True)
    same_weights(content["data"]["cells"], theirs["weights"])
    trained(content, theirs["scores"])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="python of an environment with pyod 3.6.7")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--half", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not (arguments.peer or arguments.half):
        parser.error("--peer is needed")
    return arguments


def vectors(name: str) -> dict[str, torch.Tensor]:
    """train (n, D) healthy; test (m, D) and its labels, half of each."""
    rng = np.random.default_rng(0)
    if name == "cells":
        from sklearn.datasets import load_breast_cancer

        x, benign = load_breast_cancer(return_X_y=True)
        healthy, diseased = rng.permutation(x[benign == 1]), rng.permutation(x[benign == 0])
        train, held = healthy[:200], healthy[200:]
        mean, scale = train.mean(0), train.std(0)
        train, held, diseased = ((part - mean) / scale for part in (train, held, diseased))
    else:
        turn = rng.normal(size=(2, 10))
        points = np.tanh(rng.normal(size=(800, 2)) @ turn) + 0.05 * rng.normal(size=(800, 10))
        train, held, diseased = points[:400], points[400:600], points[600:]
        diseased = np.stack([rng.permutation(column) for column in diseased.T], 1)
    count = min(len(held), len(diseased))
    test = np.concatenate([held[:count], diseased[:count]])
    labels = torch.arange(2 * count) // count
    return {"train": torch.tensor(train), "test": torch.tensor(test), "labels": labels}


# ---- pyod


def peer(path: Path) -> None:
    """The half that runs where pyod is."""
    from pyod.models.alad import ALAD

    given = torch.load(path, weights_only=True)
    settings = dict(epochs=given["iterations"], batch_size=BATCH, latent_dim=LATENT, device="cpu")
    rates = dict(learning_rate_gen=RATE, learning_rate_disc=RATE)
    scores: dict[str, list] = {}
    for name, data in given["data"].items():
        for seed in range(given["seeds"]):
            np.random.seed(seed)
            torch.manual_seed(seed)
            model = ALAD(**settings, **rates)
            began = time.process_time()
            model.fit(data["train"].numpy(), noise_std=0.0)
            seconds = time.process_time() - began
            found = [model.decision_function(data["test"].numpy()) for _ in range(2)]
            rows = [torch.as_tensor(f, dtype=torch.float64) for f in found]
            for network in (model.enc, model.dec, model.disc_xx):
                network.eval()
            still = torch.as_tensor(model.decision_function(data["test"].numpy()))
            scores.setdefault(name, []).append((*rows, still.double(), seconds))
    model = ALAD(**settings, **rates, dropout_rate=0.0)
    train, test = (given["data"]["cells"][k].float() for k in ("train", "test"))
    model.fit(train.double().numpy(), noise_std=0.0)
    z = torch.randn(len(test), LATENT)
    with torch.no_grad():
        bce, code = nn.BCELoss(), model.enc(test)
        real = model.disc_xz(torch.cat([test, code], 1))
        fake = model.disc_xz(torch.cat([model.dec(z), z], 1))
        weights = {
            "networks": {
                name: [v.clone() for v in getattr(model, name).state_dict().values()]
                for name in ("enc", "dec", "disc_xz", "disc_xx", "disc_zz")
            },
            "z": z,
            "rebuilt": model.dec(code),
            "loss_xz": bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)),
            "score": torch.as_tensor(model.decision_function(test.numpy())),
        }
    torch.save({"scores": scores, "weights": weights}, path.with_suffix(".out"))


# ---- ours


def vector_alad(width: int, dropout: float, seed: int = 0, **changes):
    """Settings, and our ALAD with pyod's networks in place of convolutions."""
    from healthygan_monai.baselines.gan.alad import AladNetworks, AladSettings
    from healthygan_monai.baselines.gan.alad_networks import Discriminator
    from healthygan_monai.baselines.gan.blocks import Dropout, seeded

    def hidden(inputs: int, layers: list[int]) -> list[nn.Module]:
        made: list[nn.Module] = []
        for size in layers:
            made += [nn.Linear(inputs, size), Dropout(dropout), nn.Tanh()]
            inputs = size
        return made

    class Pair(Discriminator):
        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.features = nn.Sequential(*hidden(inputs, LAYERS))
            self.end = nn.Linear(LAYERS[-1], 1)

    class VectorNetworks(AladNetworks):
        def make_networks(self, settings):
            encoder = nn.Sequential(*hidden(width, LAYERS), nn.Linear(LAYERS[-1], LATENT))
            decoder = nn.Sequential(*hidden(LATENT, LAYERS[::-1]), nn.Linear(LAYERS[0], width))
            return encoder, decoder, Pair(width + LATENT), Pair(2 * width), Pair(2 * LATENT)

    settings = AladSettings(
        latent=LATENT, batch_size=BATCH, learning_rate=RATE, betas=(0.9, 0.999), ema_decay=0.99,
        spectral_norm=False, patience=0, **changes,
    )  # fmt: skip
    with seeded(seed):
        gan = VectorNetworks(settings)
        for layer in gan.modules():  # as PyTorch draws them, and pyod with it, not N(0, 0.01)
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
    for name in ("encoder", "generator", "xx"):
        getattr(gan, f"mean_{name}").load_state_dict(getattr(gan, name).state_dict())
    return settings, gan


def same_weights(data: dict, theirs: dict) -> None:
    """Part 1."""
    test = data["test"].float()
    _, gan = vector_alad(test.shape[1], 0.0)
    names = {
        "enc": "encoder",
        "dec": "generator",
        "disc_xz": "xz",
        "disc_xx": "xx",
        "disc_zz": "zz",
    }
    for there, here in names.items():
        for name in (here, f"mean_{here}"):
            network = getattr(gan, name, None)
            if network is not None:
                keys = list(network.state_dict())
                network.load_state_dict(dict(zip(keys, theirs["networks"][there], strict=True)))
    gan.eval()
    with torch.no_grad():
        rebuilt = gan.rebuilt(test)
        same, other = (torch.sigmoid(gan.mean_xx(test, y)[0]) for y in (test, rebuilt))
        found = {
            "rebuilt": rebuilt,
            "loss_xz": gan.discriminator_losses(test, theirs["z"])["xz"],
            "score": (same - other).square(),
        }
    print(
        "Same weights, largest differences:\n\n| G(E(x)) | D_xz's loss | pyod's score "
        "|\n|---|---|---|"
    )
    cells = [f"{float((found[n] - theirs[n]).abs().max()):.1e}" for n in found]
    print(f"| {' | '.join(cells)} |\n")


def trained(content: dict, theirs: dict) -> None:
    """Part 2."""
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    print(
        "| vectors | seed | ours, fm | ours, l2 | pyod | pyod, dropout off | distance to mean "
        "| rank correlation: ours, pyod | pyod, its second call | CPU s: ours / pyod |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, data in content["data"].items():
        labels, train = data["labels"].numpy(), data["train"]
        trivial = (data["test"] - train.mean(0)).square().mean(1)
        for seed, (first, second, still, seconds) in enumerate(theirs[name]):
            ours, took = our_scores(data, seed, content["iterations"])
            columns = (ours["fm"], ours["l2"], first, still, trivial)
            cells = [f"{roc_auc_score(labels, np.asarray(c)):.3f}" for c in columns]
            pairs = ((ours["fm"], first), (first, second))
            cells += [f"{spearmanr(np.asarray(a), np.asarray(b)).statistic:.2f}" for a, b in pairs]
            print(
                f"| {name} | {seed} | {' | '.join(cells)} | {took:.0f} / {seconds:.0f} |",
                flush=True,
            )


def our_scores(data: dict, seed: int, iterations: int) -> tuple[dict[str, torch.Tensor], float]:
    """Scores of the test vectors, and seconds of processor time of the fit."""
    from healthygan_monai.baselines.gan.trainer import GanTrainer

    train, test = data["train"].float(), data["test"].float()
    settings, gan = vector_alad(train.shape[1], 0.2, seed, max_iterations=iterations)
    gan.train_on("cpu")
    began = time.process_time()
    GanTrainer(gan, settings, train, seed=seed).run()
    took = time.process_time() - began
    scores = {}
    for kind in ("fm", "l2"):
        object.__setattr__(gan.settings, "score", kind)
        with torch.no_grad():
            scores[kind] = gan.eval().image_scores(test)
    return scores, took


if __name__ == "__main__":
    sys.exit(main())
