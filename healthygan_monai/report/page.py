"""Write RUN/report.html: one file that loads nothing; a missing section says "not run" and why."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from data_prep.files import write_text
from data_prep.film import read_levels
from data_prep.output.page import template
from data_prep.work.kept import decode
from healthygan_monai import __version__
from healthygan_monai.errors import ModelError
from healthygan_monai.evaluation.labelled import Sample
from healthygan_monai.paths import CONFIG_FILE, EVALUATION_FILE, REPORT_FILE, RUN_FILE, SCORES_FILE
from healthygan_monai.pretrained.trials import best_price, mean_aucp, verdict
from healthygan_monai.report import figures, summary
from healthygan_monai.report.artefacts import Artefacts, read_artefacts, sample_iteration
from healthygan_monai.report.cases import (
    VMAX_PERCENTILE,
    Gallery,
    Translate,
    draw_gallery,
    pick_cases,
)
from healthygan_monai.report.critic import critic_sentences
from healthygan_monai.report.lesions import lesion_tables
from healthygan_monai.report.members import member_sentences
from healthygan_monai.report.methods import methods
from healthygan_monai.report.problems import find_problems
from healthygan_monai.report.promised import promise_sentences
from healthygan_monai.scoring import SUBJECT_RULE, subject_rows
from healthygan_monai.view.cases import Cases, inputs_of
from healthygan_monai.view.gallery import write_gallery

logger = logging.getLogger(__name__)
TEMPLATE = Path(__file__).parent / "template.html"
SAMPLE_WIDTH = 1600  # pixels; wider sample pictures are reduced
PARTS = {"g_adv": "adversarial", "g_adv_healthy": "adv. healthy", "g_id": "identity"}
PARTS |= {"g_rec": "reconstr.", "g_focus": "focus"}
PARTS |= {"g_change": "change", "g_change_healthy": "change, healthy"}
CURVES = (
    ("Objectives (Eq. 8, 9)", {"loss_d": "critic", "loss_g": "generator"}),
    ("Critic's verdict", {"d_real": "healthy", "d_fake": "translated", "gp": "penalty"}),
    ("Generator's parts", PARTS),
    ("Mask", {"mask_mean": "mean", "mask_std": "spread"}),
)


def write_report(
    run: Path,
    *,
    translate: Translate | None,
    dataset: Path | Mapping[str, Any] | None = None,
    per_kind: int = 3,
) -> Path:
    """Write RUN/report.html, and RUN/gallery/ with all cases; return the report's path.

    Args:
        run: the folder.
        translate: score row -> pictures of that image; None shows the cases as "not run".
        dataset: dataset.json (path, its folder or content) for the counts in the Methods paragraph.
        per_kind: cases of each kind.

    Raises:
        NoModel: ``run`` is not a folder.
        ModelError: evaluation.json lacks something, or holds a value of another kind.
    """
    found = read_artefacts(Path(run), dataset)
    logger.info("drawing the report of %d scored images", len(found.scores))
    try:
        html = template(TEMPLATE).render(build(found, translate, per_kind))
    except (AttributeError, LookupError, TypeError, jinja2.UndefinedError) as error:
        if not found.evaluation:
            raise
        raise ModelError(
            f"{found.folder / EVALUATION_FILE}: it lacks something, or a value in it is of another "
            f"kind ({type(error).__name__}). Make it again: healthygan evaluate {found.folder}"
        ) from error
    path = found.folder / REPORT_FILE
    write_text(path, html)
    if found.scores:
        logger.info("writing the gallery of all cases")
        inputs = None if isinstance(dataset, Mapping) else inputs_of(dataset)
        write_gallery(Cases(found.folder, found.scores, inputs))
    return path


def build(found: Artefacts, translate: Translate | None, per_kind: int = 3) -> dict[str, Any]:
    """Return everything that the template shows, as text and data URIs."""
    paragraphs, works = methods(found)
    return {
        "name": found.folder.name,
        "found": found,
        "summary": _summary(found),
        "plots": _plots(found),
        "cases": _cases(found, translate, per_kind),
        "run": _run(found),
        "problems": find_problems(found),
        "methods": paragraphs,
        "works": works,
        "provenance": _provenance(found),
        "digits": summary.digits,
        "number": summary.number,
        "spread": summary.spread,
    }


def _summary(found: Artefacts) -> dict[str, Any]:
    evaluation = found.evaluation
    if not evaluation:
        return {"reason": found.missing.get(EVALUATION_FILE, "not run")}
    entries = summary.probe_entries(evaluation)
    return {
        "reason": None,
        "sentences": [
            *summary.sentences(evaluation),
            *member_sentences(evaluation),
            *promise_sentences(evaluation),
        ],
        "critic": critic_sentences(evaluation),
        "tiles": summary.tiles(evaluation),
        "table": summary.metric_table(evaluation),
        "probes": evaluation.get("probes") or [],
        "probe_sentence": summary.probe_sentence(evaluation),
        "forest": figures.forest(entries) if entries else None,
        "localisation": lesion_tables(evaluation),
    }


def _plots(found: Artefacts) -> dict[str, Any]:
    """Return ROC and histogram from scores.csv, with the thresholds of evaluation.json."""
    if not found.scores:
        return {"reason": found.missing[SCORES_FILE]}
    unit = found.evaluation.get("unit", "image")
    rule = found.evaluation.get("options", {}).get("subject_rule", SUBJECT_RULE)
    rows = found.scores if unit == "image" else subject_rows(found.scores, rule)
    test = Sample.of(rows, "test")
    if test.lacks():
        return {"reason": f"not run: the test set has {test.lacks()}"}
    cuts = _cuts(found.evaluation, unit)
    return {
        **{"reason": None, "unit": unit, "cuts": cuts},
        "roc": figures.roc(test.labels, test.scores, cuts),
        "histogram": figures.histogram(test.labels, test.scores, cuts, unit),
    }


def _cuts(evaluation: Mapping[str, Any], unit: str) -> dict[str, tuple[float, bool]]:
    thresholds = evaluation.get("levels", {}).get(unit, {}).get("thresholds", {})
    named = {
        "validation": "label-chosen (validation)",
        "promised": "promised false alarms",
        "test_optimistic": "optimistic (test)",
    }
    return {
        words: (thresholds[key]["threshold"], key == "test_optimistic")
        for key, words in named.items()
        if thresholds.get(key)
    }


def _cases(found: Artefacts, translate: Translate | None, per_kind: int) -> dict[str, Any]:
    """Return the cases, which are images whatever the unit: a subject has no picture."""
    if not found.scores:
        return {"reason": found.missing[SCORES_FILE]}
    if translate is None:
        return {"reason": "not run: no model was given to translate the test images"}
    cuts = _cuts(found.evaluation, "image")
    words, (threshold, optimistic) = next(iter(cuts.items()), ("", (None, True)))
    gallery: Gallery = draw_gallery(pick_cases(found.scores, threshold, per_kind), translate)
    if gallery.vmax is None:
        return {"reason": "not run: " + ("; ".join(gallery.failures) or "there is no test image")}
    pictures = [case for group in gallery.groups for case in group["cases"]]
    return {
        **{"reason": None, "gallery": gallery, "threshold": threshold, "optimistic": optimistic},
        "threshold_words": words,
        "outlined": any(case["lesion"] for case in pictures),
        "mapped": any("difference" in case["pictures"] for case in pictures),
        "percentile": VMAX_PERCENTILE,
    }


def _run(found: Artefacts) -> dict[str, Any]:
    shown = found.samples[:1] + found.samples[-1:] if len(found.samples) > 1 else found.samples
    return {
        "curves": figures.curves(found.metrics, _curves(found)) if found.metrics else None,
        "criteria": figures.criteria(found.selection) if found.selection else None,
        "prices": figures.prices(mean_aucp(found.trials), best_price(found.trials))
        if found.trials
        else None,
        "verdict": verdict(found.trials) if found.trials else "",
        "chosen": found.chosen,
        "criterion": found.criterion(),
        "checkpoints": len(found.selection),
        "samples": [
            {"iteration": sample_iteration(path), "picture": _reencode(path)} for path in shown
        ],
    }


def _curves(found: Artefacts) -> Sequence[tuple[str, dict[str, str]]]:
    """Return the panels of the training curves; for another method, all its logged losses."""
    if found.is_healthygan():
        return CURVES
    no_loss = ("iteration", "lr", "seconds", "loss")
    names = list(dict.fromkeys(key for line in found.metrics for key in line if key not in no_loss))
    parts = [names[k : k + 4] for k in range(0, len(names), 4)]
    return [("Losses", {name: name for name in part}) for part in parts]


def _reencode(path: Path) -> str:
    """Return a sample picture without metadata, at most SAMPLE_WIDTH wide."""
    plain = Image.fromarray(decode(read_levels, (path,))[0])
    if plain.width > SAMPLE_WIDTH:
        height = round(plain.height * SAMPLE_WIDTH / plain.width)
        plain = plain.resize((SAMPLE_WIDTH, height), Image.Resampling.LANCZOS)
    return figures.png_uri(plain)


def _provenance(found: Artefacts) -> list[tuple[str, str, Sequence[tuple[str, Any]]]]:
    """Return (title, why it is empty, rows) of each file that shows where the numbers come from."""
    evaluation: dict[str, Any] = {}
    if done := found.evaluation:
        evaluation = {key: done.get(key) for key in ("method", "seed", "unit", "score_by")}
        evaluation |= {**done.get("options", {}), **done.get("provenance", {})}
    why = found.missing.get
    blocks: list[tuple[str, str, Mapping[str, Any]]] = [
        ("Training run (run.json)", why(RUN_FILE, ""), found.run),
        ("Evaluation (evaluation.json)", why(EVALUATION_FILE, ""), evaluation),
        ("Files (SHA-256)", "no file to hash", found.hashes),
        ("Report", "", {"made by": f"healthygan {__version__}"}),
        ("Settings (config.json)", why(CONFIG_FILE, ""), found.config),
    ]
    return [(title, reason, list(rows.items())) for title, reason, rows in blocks]
