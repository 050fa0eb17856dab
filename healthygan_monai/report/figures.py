"""Draw the figures of the report as data URIs, without pyplot.

Blue = healthy, vermilion = diseased (Okabe and Ito's palette, safe for the colour blind). The
ground stays white in dark mode, so that figures print as they look.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from PIL import Image
from sklearn.metrics import roc_curve

from healthygan_monai.records.selection_csv import Candidate

HEALTHY, DISEASED, INK, FAINT = "#0072B2", "#D55E00", "#1d2733", "#9aa5b1"
GREEN, PURPLE = "#009E73", "#8B5FA8"
STYLE: Any = {
    **{"font.size": 10, "font.family": "sans-serif", "svg.hashsalt": "report"},
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": FAINT},
    **{"axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK},
    **{"axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.titlelocation": "left"},
    **{"legend.frameon": False, "legend.fontsize": 9, "lines.linewidth": 1.6},
}
MAX_POINTS = 1500  # of a curve; more only make the file heavy
STRIP_BELOW = 200  # cases; up to here each is drawn as a dot

T = TypeVar("T")
Cuts = Mapping[str, tuple[float, bool]]  # name -> (threshold, optimistic)


def data_uri(content: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def png_uri(picture: Image.Image, optimize: bool = True) -> str:
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=optimize)
    return data_uri(stream.getvalue(), "image/png")


def roc(labels: ArrayLike, scores: ArrayLike, cuts: Cuts) -> str:
    """Draw the ROC curve with each cut marked; hollow = optimistic."""
    truth, values = np.asarray(labels), np.asarray(scores)
    curve = np.column_stack(roc_curve(truth, values)[:2])
    fpr, tpr = curve[thin(range(len(curve)))].T
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _axes(4.6, 4.3)
        axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", label="chance")
        axes.fill_between(fpr, tpr, color=DISEASED, alpha=0.07, linewidth=0)
        axes.plot(fpr, tpr, color=DISEASED, drawstyle="default")
        for marker, (name, (threshold, optimistic)) in zip("osD", cuts.items(), strict=False):
            called = values >= threshold
            point = float(called[truth == 0].mean()), float(called[truth == 1].mean())
            face = "white" if optimistic else INK
            axes.plot(*point, marker, ms=8, mfc=face, mec=INK, mew=1.5, label=name)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
        axes.set(xlabel="1 − specificity (false alarms)", ylabel="sensitivity")
        axes.legend(loc="lower right")
        return _svg(figure)


def histogram(labels: ArrayLike, scores: ArrayLike, cuts: Cuts, unit: str) -> str:
    """Draw the scores of healthy and diseased, cuts as lines, and each of few cases as a dot."""
    truth, values = np.asarray(labels), np.asarray(scores)
    edges = np.histogram_bin_edges(values, bins=min(30, max(8, int(np.sqrt(values.size)) * 2)))
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _axes(5.8, 4.3)
        for label, colour, word in ((0, HEALTHY, "healthy"), (1, DISEASED, "diseased")):
            part = values[truth == label]
            style = {"color": colour, "alpha": 0.45, "label": f"{word} ({part.size})"}
            axes.hist(part, bins=edges, density=True, edgecolor="white", linewidth=0.5, **style)
            if part.size <= STRIP_BELOW:
                top = axes.get_ylim()[1]
                rows = np.full(part.size, -top * (0.05 + 0.06 * label))
                axes.plot(part, rows, "|", color=colour, ms=7, alpha=0.8)
        lines = iter(("-", "-."))
        for name, (threshold, optimistic) in cuts.items():
            line = "--" if optimistic else next(lines)
            axes.axvline(threshold, color=INK, ls=line, lw=1.3, label=name)
        axes.axhline(0, color=FAINT, lw=0.8)
        axes.set(xlabel=f"{unit} score (higher = more anomalous)", ylabel="density", yticks=[])
        axes.margins(x=0.02)
        axes.legend(loc="upper right")
        return _svg(figure)


def forest(entries: Sequence[Mapping[str, Any]]) -> str:
    """Draw AUC and interval, one line an entry (name, auc, low, high, model), the model filled."""
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _axes(9.6, 0.75 + 0.32 * len(entries))
        axes.axvline(0.5, color=FAINT, ls=":")
        for row, entry in enumerate(entries):
            colour = DISEASED if entry.get("model") else INK
            marker = "D" if entry.get("model") else "o"
            if entry["low"] is not None:
                axes.plot([entry["low"], entry["high"]], [row, row], color=colour, lw=2.2)
                if entry.get("model"):
                    axes.axvspan(entry["low"], entry["high"], color=DISEASED, alpha=0.08, lw=0)
            face = colour if entry.get("model") else "white"
            axes.plot(entry["auc"], row, marker, color=colour, mfc=face, ms=7, mew=1.6)
        axes.set_yticks(range(len(entries)), [entry["name"] for entry in entries])
        axes.set(xlim=(0, 1.0), ylim=(len(entries) - 0.5, -0.5), xlabel="AUC (0.5 = chance)")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        return _svg(figure)


def curves(metrics: Sequence[Mapping[str, Any]], panels: Sequence[tuple[str, dict]]) -> str:
    """Draw training curves, one panel a (title, {key: legend}); keys without values are ignored."""
    shown = thin(metrics)
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(9.6, 3.0, columns=len(panels))
        for axis, (title, keys) in zip(axes, panels, strict=True):
            palette = iter((INK, DISEASED, HEALTHY, GREEN, PURPLE, FAINT))
            for key, legend in keys.items():
                points = [(m["iteration"], m[key]) for m in shown if _number(m.get(key))]
                if points:
                    axis.plot(*zip(*points, strict=True), color=next(palette), label=legend, lw=1.2)
            axis.set_title(title)
            axis.set_xlabel("iteration")
            axis.ticklabel_format(axis="x", style="plain")
            axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
            if axis.lines:
                below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.24)}
                axis.legend(**below, ncols=2, columnspacing=1, handlelength=1.4)
            if set(keys) == {"mask_mean", "mask_std"}:
                axis.set_ylim(0, 1)
        return _svg(figure)


def criteria(selection: Sequence[Candidate]) -> str:
    """Draw FID and AUCp of every checkpoint, the chosen ringed."""
    named = {"fid": "FID (lower is better)", "aucp": "AUCp (higher is better)"}
    iterations = [row.iteration for row in selection]
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(9.6, 2.6, columns=len(named))
        for axis, (key, title) in zip(axes, named.items(), strict=True):
            axis.plot(iterations, [getattr(r, key) for r in selection], "o-", color=INK, ms=4)
            for row in (row for row in selection if row.chosen):
                axis.axvline(row.iteration, color=DISEASED, lw=1)
                ring = {"ms": 11, "mfc": "none", "mec": DISEASED, "mew": 2, "ls": "none"}
                axis.plot(row.iteration, getattr(row, key), "o", label="chosen", **ring)
                axis.legend(loc="best")
            axis.set_title(title)
            axis.set_xlabel("iteration")
            axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4, integer=True))
        return _svg(figure)


def prices(means: Mapping[float, float], chosen: float) -> str:
    """Draw mean AUCp over the price of a change, the chosen price ringed."""
    with matplotlib.rc_context(STYLE):
        figure, (axis,) = _axes(4.8, 2.6)
        axis.axhline(0.5, color=FAINT, ls=":")
        axis.plot(list(means), list(means.values()), "o-", color=INK, ms=4)
        ring = {"ms": 11, "mfc": "none", "mec": DISEASED, "mew": 2, "ls": "none"}
        axis.plot(chosen, means[chosen], "o", label="chosen", **ring)
        axis.set(xscale="log", xlabel="price of a change", title="AUCp")
        axis.set_xticks(list(means), [f"{price:g}" for price in means])
        axis.minorticks_off()
        axis.legend(loc="best")
        return _svg(figure)


def thin(rows: Sequence[T], most: int = MAX_POINTS) -> list[T]:
    """Return at most ``most`` rows, evenly spaced, first and last kept."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, most).round().astype(int)]


def _axes(width: float, height: float, columns: int = 1) -> tuple[Figure, Sequence[Any]]:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and bool(np.isfinite(value))


def _svg(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return data_uri(stream.getvalue(), "image/svg+xml")
