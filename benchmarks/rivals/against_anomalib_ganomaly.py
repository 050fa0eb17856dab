"""GANomaly beside anomalib's: the same weights and images, outputs, losses and scores; time of a
step and of a score.

    python benchmarks/rivals/against_anomalib_ganomaly.py --peer VENV/bin/python \
        [--sizes 32 64 --features 16]

anomalib 2.7 lives in an environment of its own (`benchmarks/rivals/against_anomalib.py` says how
to make it). Ours is trained on phantom films for a while, so that weights and batch norm's
statistics are not those of the start; then anomalib's `GanomalyModel` gets them, tensor by tensor
in the order of the layers, and scores the same films in evaluation mode.

Where the two differ, by reading of anomalib 2.7.0 and of the authors' code:

- the first convolution: padding 4 there, 1 in the authors' code. Here ours is set to 4 for the
  comparison;
- L_adv: squared difference of the discriminator's outputs there, of its features in the paper and
  the authors' code;
- L_enc: smooth L1 there, mean square in the authors' code.

The generator's loss can therefore not be equal, and only its L_con is compared. The column
"authors' padding" shows how far scores of the same weights lie apart where ours is not set to 4:
the comparison can fail. Times are seconds of processor time. A training step of anomalib is its
`training_step` without Lightning around it.
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

LATENT, BATCH, STEPS = 100, 16, 5


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    if arguments.half:
        peer(Path(arguments.half))
        return
    print(
        "| pixels | x^ | z^ | score | D | L_con | loss_d | score, authors' padding | largest score "
        "| scoring, ms an image: ours / anomalib | step, ms: ours / anomalib |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "half.pt"
            ours = our_half(path, size, arguments.features, arguments.iterations)
            subprocess.run([arguments.peer, __file__, "--half", str(path)], check=True)
            report(size, ours, torch.load(path.with_suffix(".out"), weights_only=True))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="python of an environment with anomalib 2.7")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--features", type=int, default=16, help="64 is published")
    parser.add_argument("--iterations", type=int, default=60)
    parser.add_argument("--half", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not (arguments.peer or arguments.half):
        parser.error("--peer is needed")
    return arguments


def films(count: int, size: int, seed: int) -> torch.Tensor:
    from data_prep.phantom.anatomy import Anatomy, Lesion
    from data_prep.phantom.film import film

    drawn = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        anatomy, lesion = Anatomy.draw(rng), Lesion.draw(rng)
        drawn.append(film(rng, size, lesion if number % 2 and seed else None, anatomy)[0])
    return torch.from_numpy(np.stack(drawn)).float()[:, None] * 2 - 1


def our_half(path: Path, size: int, features: int, iterations: int) -> dict:
    """Train, write weights and images for the peer, and return our numbers."""
    from healthygan_monai.baselines.gan.data import noise_generator
    from healthygan_monai.baselines.gan.ganomaly import Ganomaly, discriminator_loss, generator_loss

    settings = Ganomaly.make_settings(
        features=features, latent=LATENT, batch_size=BATCH, max_iterations=iterations
    ).resolved(200, (1, size, size))
    gan = Ganomaly.build(settings, 0)
    for network in (gan.generator.encoder1, gan.generator.encoder2, gan.discriminator.features):
        network[0].padding = (4, 4)  # anomalib's
    gan.train_on("cpu").train()
    healthy, tested = films(200, size, 0), films(40, size, 1)
    for iteration in range(iterations):
        chosen = np.random.default_rng([0, iteration]).choice(len(healthy), BATCH, replace=False)
        gan.step(healthy[chosen], iteration, noise_generator(0, iteration, "cpu"))
    gan.eval()
    torch.save(
        {
            "size": size,
            "features": features,
            "generator": [v.clone() for v in gan.generator.state_dict().values()],
            "discriminator": [v.clone() for v in gan.discriminator.state_dict().values()],
            "images": tested,
        },
        path,
    )
    with torch.no_grad():
        rebuilt, z, z_hat = gan.generator(tested)
        (real, f), (fake, g) = gan.discriminator(tested), gan.discriminator(rebuilt)
        terms = generator_loss(settings, (tested, z, f), (rebuilt, z_hat, g))
        found = {
            "x^": rebuilt,
            "z^": z_hat,
            "score": gan.image_scores(tested),
            "D": torch.sigmoid(real),
            "L_con": terms["g_con"],
            "loss_d": discriminator_loss(real, fake),
            "scoring": clock(lambda: gan.image_scores(tested)) / len(tested),
        }
        for encoder in (gan.generator.encoder1, gan.generator.encoder2):
            encoder[0].padding = (1, 1)
        found["score, padding 1"] = gan.image_scores(tested)
    generator = noise_generator(0, 0, "cpu")
    found["step"] = clock(lambda: gan.train().step(tested[:BATCH], 0, generator))
    return found


def clock(work) -> float:
    """Milliseconds of processor time, the least of some."""
    times = []
    for _ in range(STEPS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return 1000 * min(times)


def peer(path: Path) -> None:
    """The half that runs where anomalib is."""
    if "+cpu" in torch.__version__:  # the registry's torchvision lacks its operators beside it
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from anomalib.models.image.ganomaly.loss import DiscriminatorLoss, GeneratorLoss
    from anomalib.models.image.ganomaly.torch_model import GanomalyModel

    given = torch.load(path, weights_only=True)
    images, size = given["images"], given["size"]
    model = GanomalyModel((size, size), 1, given["features"], LATENT)
    for name in ("generator", "discriminator"):
        network = getattr(model, name)
        names = list(network.state_dict())
        network.load_state_dict(dict(zip(names, given[name], strict=True)))
    model.eval()
    with torch.no_grad():
        rebuilt, _, z_hat = model.generator(images)
        real, fake = model.discriminator(images)[0], model.discriminator(rebuilt)[0]
        found = {
            "x^": rebuilt,
            "z^": z_hat.flatten(1),
            "score": model(images).pred_score,
            "D": real,
            "L_con": GeneratorLoss().loss_con(images, rebuilt),
            "loss_d": DiscriminatorLoss()(real, fake),
            "scoring": clock(lambda: model(images)) / len(images),
        }
    model.train()
    of_g, of_d = GeneratorLoss(), DiscriminatorLoss()
    optimizers = [
        torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999))
        for n in (model.generator, model.discriminator)
    ]

    def step() -> None:
        batch, fake, z, z_hat = model(images[:BATCH])
        pred_real, pred_fake = model.discriminator(batch)[0], model.discriminator(fake)[0]
        optimizers[0].zero_grad()
        of_g(z, z_hat, batch, fake, pred_real, pred_fake).backward(retain_graph=True)
        optimizers[0].step()
        optimizers[1].zero_grad()
        of_d(pred_real, model.discriminator(fake.detach())[0]).backward()
        optimizers[1].step()

    found["step"] = clock(step)
    torch.save(found, path.with_suffix(".out"))


def report(size: int, ours: dict, theirs: dict) -> None:
    """Largest differences of anything, beside the largest score."""
    names = ("x^", "z^", "score", "D", "L_con", "loss_d")
    differences = [float((ours[name] - theirs[name]).abs().max()) for name in names]
    differences.append(float((ours["score, padding 1"] - theirs["score"]).abs().max()))
    cells = [f"{value:.1e}" for value in differences] + [f"{float(ours['score'].max()):.3g}"]
    cells += [f"{ours[name]:.2f} / {theirs[name]:.2f}" for name in ("scoring", "step")]
    print(f"| {size} | {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main())
