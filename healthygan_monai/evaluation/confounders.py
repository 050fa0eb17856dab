"""Probes that see no anatomy: what the data give away for free.

A detector has shown something only if it clearly beats them: hospital, scanner, exposure and
collimation separate the classes of many public sets without any disease being seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data_prep.work.progress import progress
from healthygan_monai.evaluation.defaults import PROBE_RESAMPLES
from healthygan_monai.evaluation.exact import auc_with_interval
from healthygan_monai.evaluation.metrics import require_both_classes

THUMBNAIL = 48  # pixels a side
BORDER = 2  # thumbnail pixels a side: 4 % of the image
GREY_BINS = 32
COMPONENTS = 20
FOLDS = 5
TREES = 200

Features = NDArray[np.float64]


@dataclass(frozen=True)
class Looks:
    """What the probes may see of N images."""

    thumbnails: Features  # (N, THUMBNAIL * THUMBNAIL)
    histograms: Features  # (N, GREY_BINS), shares of pixels
    means: Features  # (N,)

    @property
    def borders(self) -> Features:
        """Return the pixels of a frame BORDER wide, (N, pixels)."""
        frame = np.ones((THUMBNAIL, THUMBNAIL), dtype=bool)
        frame[BORDER:-BORDER, BORDER:-BORDER] = False
        return self.thumbnails[:, frame.ravel()]


def probe_aucs(
    healthy_images: Sequence[ArrayLike],
    labelled_images: Sequence[ArrayLike],
    labels: ArrayLike,
    subjects: ArrayLike,
    seed: int = 0,
    *,
    resamples: int = PROBE_RESAMPLES,
) -> list[dict[str, Any]]:
    """Return the AUC of each probe on the labelled images, with an interval by subject.

    No training label is used: one-class probes fit the healthy images, supervised ones are
    cross-validated by subject. AUCs are not flipped: 0.2 is as strong a shortcut as 0.8.

    Args:
        healthy_images: training_healthy; each (H, W) or (C, H, W), all images on one grey scale.
        labelled_images: validation and test.
        labels: (N,), 1 = diseased.
        subjects: (N,).
        seed: of folds, forests and resamples.
        resamples: of the bootstrap.

    Returns:
        name, description, auc, low, high, supervised, n, subjects, reason (why auc is None) of
        each.
    """
    label_array, subject_array = np.asarray(labels), np.asarray(subjects)
    if not len(labelled_images) == len(label_array) == len(subject_array):
        raise ValueError("probe_aucs: images, labels and subjects must have one length.")
    if len(healthy_images) < 2:
        raise ValueError(f"probe_aucs: {len(healthy_images)} healthy images; expected at least 2.")
    require_both_classes(label_array, "a probe")
    low, high = _grey_range(healthy_images)
    healthy = look(healthy_images, low, high)
    shown = look(labelled_images, low, high)
    entry = partial(_entry, label_array, subject_array, seed, resamples)
    found = [entry(n, text, False, f(healthy, shown, seed)) for n, (text, f) in ONE_CLASS.items()]
    supervised = sorted(SUPERVISED.items())
    for name, (text, features_of) in progress(supervised, len(supervised), "probes", "probe"):
        scores = _out_of_fold(name, features_of(shown), label_array, subject_array, seed)
        found.append(entry(name, text, True, scores))
    return found


def look(images: Sequence[ArrayLike], low: float, high: float) -> Looks:
    """Reduce each image to thumbnail, grey histogram over [low, high] and mean."""
    thumbnails, histograms, means = [], [], []
    for image in images:
        grey = _grey(image)
        small = Image.fromarray(grey).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
        counts, _ = np.histogram(np.clip(grey, low, high), bins=GREY_BINS, range=(low, high))
        thumbnails.append(np.asarray(small, dtype=np.float64).ravel())
        histograms.append(counts / grey.size)
        means.append(float(grey.mean()))
    return Looks(np.stack(thumbnails), np.stack(histograms), np.asarray(means))


def _mean_intensity(healthy: Looks, shown: Looks, seed: int) -> Features:
    return shown.means


def _distance_to_mean(healthy: Looks, shown: Looks, seed: int) -> Features:
    return np.sqrt(np.mean((shown.thumbnails - healthy.thumbnails.mean(axis=0)) ** 2, axis=1))


def _pca_residual(healthy: Looks, shown: Looks, seed: int) -> Features:
    parts = min(COMPONENTS, len(healthy.means) - 1)
    pca = PCA(n_components=parts, random_state=seed).fit(healthy.thumbnails)
    rebuilt = pca.inverse_transform(pca.transform(shown.thumbnails))
    return np.mean((shown.thumbnails - rebuilt) ** 2, axis=1)


ONE_CLASS: dict[str, tuple[str, Callable[[Looks, Looks, int], Features]]] = {
    "mean intensity": ("brighter = more anomalous; nothing is learnt", _mean_intensity),
    "distance to the mean healthy image": (
        "root mean square difference to the average of training_healthy",
        _distance_to_mean,
    ),
    "PCA reconstruction": (
        f"error after {COMPONENTS} components of {THUMBNAIL} x {THUMBNAIL} healthy thumbnails",
        _pca_residual,
    ),
}

SUPERVISED: dict[str, tuple[str, Callable[[Looks], Features]]] = {
    "border only": ("random forest on the outer 4 % of the image", lambda looks: looks.borders),
    "grey histogram": (
        f"random forest on a histogram of {GREY_BINS} grey levels",
        lambda looks: looks.histograms,
    ),
    "thumbnail": (
        f"logistic regression on {COMPONENTS} components of {THUMBNAIL} x {THUMBNAIL} pixels",
        lambda looks: looks.thumbnails,
    ),
}


def _out_of_fold(
    name: str, features: Features, labels: NDArray, subjects: NDArray, seed: int
) -> Features | str:
    """Return probabilities (N,) from models that never saw the subject, or why there are none."""
    folds = min(FOLDS, *(len(set(subjects[labels == label])) for label in (0, 1)))
    if folds < 2:
        return "cross-validation by subject needs two subjects of each class"
    scores = np.empty(len(labels))
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    for fit, judge in splitter.split(features, labels, subjects):
        if len(set(labels[fit])) < 2:
            return "a fold was left with one class only; too few subjects"
        model = _classifier(name, min(COMPONENTS, len(fit) - 1), seed)
        scores[judge] = model.fit(features[fit], labels[fit]).predict_proba(features[judge])[:, 1]
    return scores


def _classifier(name: str, components: int, seed: int) -> Any:
    if name == "thumbnail":
        return make_pipeline(
            PCA(n_components=components, random_state=seed),
            StandardScaler(),
            LogisticRegression(max_iter=1000),
        )
    return RandomForestClassifier(TREES, min_samples_leaf=2, random_state=seed)


def _entry(
    labels: NDArray, subjects: NDArray, seed: int, resamples: int, *probe: Any
) -> dict[str, Any]:
    """Return the result of a probe (name, description, supervised, scores or why none)."""
    name, description, supervised, scores = probe
    entry = {"name": name, "description": description, "supervised": supervised}
    entry |= {"auc": None, "low": None, "high": None, "reason": None}
    entry |= {"n": len(labels), "subjects": len(set(subjects.tolist()))}
    if isinstance(scores, str):
        return {**entry, "reason": scores}
    auc = auc_with_interval(labels, scores, subjects, resamples=resamples, seed=seed)
    return {**entry, "auc": auc["value"], "low": auc["low"], "high": auc["high"]}


def _grey(image: ArrayLike) -> NDArray[np.float32]:
    """Average the channels, which are equal or nearly so: (H, W) or (C, H, W) -> (H, W)."""
    array = np.asarray(image, dtype=np.float32)
    if array.ndim == 3:
        array = array.mean(axis=0)
    if array.ndim != 2:
        raise ValueError(f"a probe image has shape {array.shape}; expected (H, W) or (C, H, W).")
    return np.ascontiguousarray(array)


def _grey_range(images: Sequence[ArrayLike]) -> tuple[float, float]:
    """Return the range of the healthy images; wider ones fall into the histogram's end bins."""
    low = min(float(np.min(np.asarray(image))) for image in images)
    high = max(float(np.max(np.asarray(image))) for image in images)
    return low, high if high > low else low + 1.0
