"""PaDiM and PatchCore beside anomalib's: same images, same ResNet-18, equal settings; scores, maps,
time, memory.

    python benchmarks/rivals/against_anomalib.py --peer VENV/bin/python \
        --weights resnet18-f37072fd.pth [--healthy FOLDER --test FOLDER] \
        [--size 128 --images 100 --tested 60]

anomalib 2.7 lives in an environment of its own (it brings torchvision, lightning, timm):

    python -m venv VENV && VENV/bin/pip install torch==2.13.0
    VENV/bin/pip install --no-deps torchvision==0.28.0 && VENV/bin/pip install anomalib==2.7.0

Without folders, phantom films are drawn. Each half of each case runs in a process of its own, which
reads the images from one .npz file and writes scores and maps to another. Times are seconds of
processor time, all threads together, without imports and without reading files (on a busy machine
they are steadier than a clock). Peak memory is that of the whole process; large blocks of both
sides are given back as soon as they are free (MALLOC_MMAP_THRESHOLD_), since the many small tensors
that anomalib's selection keeps otherwise split glibc's heap, which took 5.5 GB for 1,024 of 10,240
patches.

Equal settings mean ours set to anomalib's, where the two differ: 1e-5 more on the diagonal (PaDiM);
patches averaged and concatenated, Eq. 7 with nine neighbours, map enlarged to the nearest
(PatchCore). PaDiM's channels are drawn by us and given to both; so is our coreset in one row. A
coreset starts at random, so that two of 10 % differ, as two of anomalib's own do (the row
"anomalib, another seed"); with all patches remembered nothing is random.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

CASES = {  # ours: settings that are anomalib's; share is for PatchCore only
    "padim, 100 channels": ("padim", {"channels": 100, "ridge": 0.01001}),
    "patchcore, all patches": ("patchcore", {"share": 1.0}),
    "patchcore, one coreset of 10 %": ("patchcore", {"share": 0.1}),  # ours, given to both
    "patchcore, 10 %": ("patchcore", {"share": 0.1}),
}
AS_ANOMALIB = {"patches": "mean", "neighbours": 9, "enlarge": "nearest"}
BATCH = 16
# of address space: a half that needs more fails, and nothing else on the machine does
MOST_BYTES = 10 << 30


def main() -> None:
    arguments = parse()
    if arguments.half:
        run_half(arguments)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_images(arguments, Path(folder))
        print(
            "| case | Pearson | Spearman | Pearson, maps | largest difference "
            "| fit, CPU s | scoring, CPU s | peak, MB |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for case in CASES:
            if not case.startswith(tuple(arguments.cases)):
                continue
            ours = half(arguments, folder, sys.executable, "ours", case)
            peer = half(arguments, folder, arguments.peer, "anomalib", case)
            report(f"{case}: ours / anomalib", ours, peer)
            if case == "patchcore, 10 %":
                again = half(arguments, folder, arguments.peer, "anomalib", case, seed=1)
                report(f"{case}: anomalib / anomalib, another seed", peer, again)
                authors = half(arguments, folder, sys.executable, "authors", case)
                report(f"{case}: ours as published / anomalib", authors, peer)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="python of the environment with anomalib")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--healthy", type=Path, help="folder of healthy pictures to fit to")
    parser.add_argument("--test", type=Path, help="folder of pictures to score")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--tested", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=list(CASES), help="beginnings of their names")
    parser.add_argument("--half", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def write_images(arguments: argparse.Namespace, folder: Path) -> None:
    """images.npz: healthy and tested, float32 (n, 1, size, size) in [-1, 1]."""
    sets = {}
    for name, source, count in (
        ("healthy", arguments.healthy, arguments.images),
        ("tested", arguments.test, arguments.tested),
    ):
        read = (
            pictures(source, count, arguments.size)
            if source
            else phantoms(name, count, arguments.size)
        )
        sets[name] = np.stack(read)[:, None].astype(np.float32) * 2 - 1
    np.savez(folder / "images.npz", **sets)


def pictures(folder: Path, count: int, size: int) -> list[np.ndarray]:
    from PIL import Image

    files = sorted(p for p in folder.iterdir() if p.suffix in (".png", ".jpg", ".jpeg"))[:count]
    grey = (
        Image.open(p).convert("L").resize((size, size), Image.Resampling.BILINEAR) for p in files
    )
    return [np.asarray(picture, np.float32) / 255 for picture in grey]


def phantoms(name: str, count: int, size: int) -> list[np.ndarray]:
    from data_prep.phantom.anatomy import Anatomy, Lesion
    from data_prep.phantom.film import film

    images = []
    for number in range(count):
        rng = np.random.default_rng([number, len(name)])
        anatomy, lesion = Anatomy.draw(rng), Lesion.draw(rng)
        images.append(
            film(rng, size, lesion if name == "tested" and number % 2 else None, anatomy)[0]
        )
    return images


def half(
    arguments: argparse.Namespace, folder: str, python: str, side: str, case: str, seed: int = 0
) -> dict:
    """Run one side of one case in a process of its own; what it found."""
    command = [python, str(Path(__file__).resolve()), "--half", side, "--case", case]
    command += ["--weights", str(Path(arguments.weights).resolve()), "--folder", folder]
    command += ["--seed", str(seed), "--threads", str(arguments.threads)]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{side}, {case}: failed\n{done.returncode}: {done.stderr[-500:]}")
    result = dict(np.load(Path(folder) / f"{side}.npz"))
    return {**result, **json.loads((Path(folder) / f"{side}.json").read_text())}


def report(name: str, ours: dict, peer: dict) -> None:
    from scipy.stats import pearsonr, spearmanr

    a, b = ours["scores"], peer["scores"]
    maps = pearsonr(ours["maps"].ravel(), peer["maps"].ravel())[0]
    difference = np.abs(a - b).max() / np.abs(b).max()
    cells = [
        f"{pearsonr(a, b)[0]:.5f}",
        f"{spearmanr(a, b)[0]:.5f}",
        f"{maps:.5f}",
        f"{difference:.1e}",
    ]
    cells += [f"{ours[k]:.1f} / {peer[k]:.1f}" for k in ("fit_s", "score_s")]
    cells += [f"{ours['peak_mb']:.0f} / {peer['peak_mb']:.0f}"]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def run_half(arguments: argparse.Namespace) -> None:
    import torch

    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    torch.set_num_threads(arguments.threads)
    images = np.load(arguments.folder / "images.npz")
    healthy, tested = (torch.from_numpy(images[key]) for key in ("healthy", "tested"))
    make = run_anomalib if arguments.half == "anomalib" else run_ours
    scores, maps, fit_s, score_s = make(arguments, healthy, tested)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux
    np.savez(arguments.folder / f"{arguments.half}.npz", scores=scores, maps=maps)
    facts = {"fit_s": fit_s, "score_s": score_s, "peak_mb": peak}
    (arguments.folder / f"{arguments.half}.json").write_text(json.dumps(facts))


def run_ours(arguments: argparse.Namespace, healthy, tested):
    from healthygan_monai.baselines.registry import DETECTORS

    method, settings = CASES[arguments.case]
    if method == "patchcore" and arguments.half == "ours":
        settings = {**settings, **AS_ANOMALIB}
    detector = DETECTORS[method]("resnet18", arguments.weights, **settings)
    start = time.process_time()
    detector.fit(lambda: healthy.split(BATCH), seed=arguments.seed)
    fitted = time.process_time()
    scores = detector.score(tested).numpy()
    scored = time.process_time()
    if method == "padim":
        np.save(arguments.folder / "index.npy", detector.index.numpy())
    else:
        np.save(arguments.folder / "bank.npy", detector.bank.numpy())
    maps = detector.anomaly_map(tested).numpy()
    return scores, maps, fitted - start, scored - fitted


def run_anomalib(arguments: argparse.Namespace, healthy, tested):
    import torch

    # torchvision of the registry expects operators of its own build
    if "+cpu" in torch.__version__:
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from anomalib.models.image.padim.torch_model import PadimModel
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    method, settings = CASES[arguments.case]
    torch.manual_seed(arguments.seed)
    if method == "padim":
        model = PadimModel(backbone="resnet18", pre_trained=False, n_features=settings["channels"])
        model.idx = torch.from_numpy(np.load(arguments.folder / "index.npy"))
    else:
        model = PatchcoreModel(["layer2", "layer3"], "resnet18", pre_trained=False, num_neighbors=9)
    network = model.feature_extractor.feature_extractor
    weights = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    missing = network.load_state_dict(weights, strict=False).missing_keys
    missing = [k for k in missing if not k.startswith("layer4") and "num_batches" not in k]
    if missing:
        raise SystemExit(f"anomalib's network lacks {missing[:3]} in this file")
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

    def batches(images):
        return (
            ((part + 1) / 2).expand(-1, 3, -1, -1).sub(mean).div(std)
            for part in images.split(BATCH)
        )

    start = time.process_time()
    model.train()
    model.feature_extractor.eval()
    for batch in batches(healthy):
        model(batch)
    if method == "padim":
        model.fit()
    elif "one coreset" in arguments.case:
        model.memory_bank = torch.from_numpy(np.load(arguments.folder / "bank.npy"))
    elif settings["share"] < 1:
        model.subsample_embedding(settings["share"])
    # what its selection of all would give in another order, after as many steps as there are
    # patches
    else:
        model.memory_bank = torch.vstack(model.embedding_store)
    fitted = time.process_time()
    model.eval()
    with torch.no_grad():
        found = [model(batch) for batch in batches(tested)]
    scored = time.process_time()
    scores = torch.cat([f.pred_score.view(-1) for f in found]).numpy()
    return (
        scores,
        torch.cat([f.anomaly_map for f in found]).numpy(),
        fitted - start,
        scored - fitted,
    )


if __name__ == "__main__":
    main()
