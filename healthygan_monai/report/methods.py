"""Write a Methods paragraph with the numbers of this run, and the works it must cite."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from healthygan_monai.pretrained.trials import best_price, judged_by_kept_out, mean_aucp
from healthygan_monai.report.artefacts import Artefacts
from healthygan_monai.report.works import WORKS
from healthygan_monai.scoring import SCORE_RULE

UNKNOWN = "[not recorded]"


def methods(found: Artefacts) -> tuple[list[str], list[str]]:
    """Return paragraphs, cited as [1], [2], ..., and the works; unknown is ``[not recorded]``."""
    cited: list[str] = []

    def cite(*keys: str) -> str:
        cited.extend(key for key in keys if key not in cited)
        return "[" + ", ".join(str(cited.index(key) + 1) for key in keys) + "]"

    if not (found.config or found.evaluation):
        return [], []
    paragraphs = [_data(found), _training(found, cite), _scoring(found), _evaluation(found, cite)]
    paragraphs.append(_localisation(found, cite))
    return [text for text in paragraphs if text], [WORKS[key] for key in cited]


def _data(found: Artefacts) -> str:
    name = found.dataset.get("name") or found.run.get("dataset") or UNKNOWN
    text = f"Data set: {name}. "
    parts = [
        f"{key.replace('_', ' ')} {_images(found.dataset[key])}"
        for key in ("training_mixed", "training_healthy", "validation")
        if isinstance(found.dataset.get(key), list)
    ]
    if parts:
        parts.append(f"test {_images(found.dataset.get('test') or [])}")
        text += f"It was divided by subject: {', '.join(parts)}. "
    return text + "The mixed training set carried no labels."


def _images(items: list[Mapping[str, Any]]) -> str:
    subjects = len({item.get("subject") for item in items})
    return f"{len(items)} images of {subjects} subjects"


def _training(found: Artefacts, cite: Any) -> str:
    c = partial(_setting, found.config)
    if not found.config:
        return ""
    if not found.is_healthygan():
        return _rival(found, cite)
    grey = " grey" if found.config.get("image_channels") == 1 else ""
    linear = found.config.get("lr_schedule") == "linear"
    decay = "falls linearly to zero" if linear else f"follows the schedule '{c('lr_schedule')}'"
    text = (
        f"A HealthyGAN {cite('healthygan')} was trained with MONAI {cite('monai')} "
        f"(healthygan {found.run.get('version', UNKNOWN)}, "
        f"PyTorch {found.run.get('torch', UNKNOWN)}) on{grey} images of "
        f"{c('image_size')} × {c('image_size')} pixels (recipe "
        f"{found.config.get('recipe', 'paper')}). {_translation(found)} "
        f"{_adversary(found, cite)} Adam {cite('adam')} with learning rate {c('learning_rate')} "
        f"and betas {c('betas')} {_ran(found)}, with one "
        f"generator update to every {c('n_critic')} of them, in batches of {c('batch_size')} "
        f"mixed and as many healthy images; the learning rate {decay} over the last "
        f"{c('decay_iterations')} of {c('max_iterations')} updates. "
    )
    return text + _seeds(found) + _selection(found, cite)


def _ran(found: Artefacts) -> str:
    """Return how many critic updates were done, and of how many where they are fewer."""
    done, asked = found.iterations
    planned = _setting(found.config, "max_iterations")
    if found.members:
        return f"ran for at most {planned} critic updates"
    if found.unfinished:
        return f"has run for {done:,} of {planned} critic updates (training has not finished)"
    if not done:
        return f"ran for {UNKNOWN} of {planned} critic updates"
    early = f" (of {planned}: training ended early, as no later checkpoint was better)"
    return f"ran for {done:,} critic updates{early if done < asked else ''}"


def _seeds(found: Artefacts) -> str:
    """Return the seed of the run; of an ensemble, what its members are."""
    if not found.members:
        return f"Seed {found.run.get('seed', UNKNOWN)}."
    seeds = ", ".join(str(member["seed"]) for member in found.members)
    return (
        f"This was done {len(found.members)} times (seeds {seeds}). The model is an ensemble: its "
        "change of an image is the mean of the changes that the generators of these runs draw."
    )


def _translation(found: Artefacts) -> str:
    """Return how the generator translates, and what a change costs it."""
    c = partial(_setting, found.config)
    if found.config.get("translation", "masked") == "masked":
        text = (
            "The generator translates an image and a mask composes the translation with the "
            f"input. Loss weights: lambda_id {c('lambda_id')}, lambda_rec {c('lambda_rec')}, "
            f"lambda_f {c('lambda_f')} (lambda_fs {c('lambda_fs')}, lambda_fz {c('lambda_fz')}, "
            f"epsilon {c('focus_eps')})."
        )
    else:
        text = (
            "The generator draws a change that is added to the image; a change of known-healthy "
            f"images costs {c('price_healthy')} times as much as one of mixed images."
        )
        if warmup := found.config.get("price_warmup"):
            text += f" The price rises from 0 over the first {warmup} iterations."
    if found.trials:
        price, tried = best_price(found.trials), mean_aucp(found.trials)
        kept_out = judged_by_kept_out(found.trials)
        judges = "subjects kept out of training" if kept_out else "images that were trained on"
        text += (
            f" The price of a change, {price:g}, was chosen among {len(tried)} by AUCp of "
            f"{judges}, without any label."
        )
    elif found.members and found.config.get("price") == "auto":
        text += " Each run chose its price of a change by AUCp, without any label."
    elif found.config.get("price", 1.0) not in (1.0, None):
        text += f" The price of a change was {c('price')}."
    return text


def _adversary(found: Artefacts, cite: Any) -> str:
    """Return what the critic is and how it learns."""
    c = partial(_setting, found.config)
    if found.config.get("critic", "paper") == "paper":
        return (
            "Critic and generator were trained as a Wasserstein GAN with gradient penalty "
            f"{cite('wgan-gp')}, lambda_gp {c('lambda_gp')}."
        )
    return (
        f"The critic looks through a frozen pretrained network ({c('critic_backbone')}) and learns "
        f"light heads on its maps {cite('projected')} by the hinge loss, on views of the images "
        f"that are turned, scaled and shifted alike {cite('diffaugment')}."
    )


def _rival(found: Artefacts, cite: Any) -> str:
    """Return the text for another method: name, backbone, options, departures."""
    facts: Mapping[str, Any] = found.run.get("detector") or {}
    options = ", ".join(f"{k} {v}" for k, v in (found.config.get("options") or {}).items())
    method, side = found.method(), found.config.get("image_size", UNKNOWN)
    version, torch, seed = (found.run.get(k, UNKNOWN) for k in ("version", "torch", "seed"))
    text = (
        f"The detector {method} was fitted to the known healthy images"
        f"{' and the mixed set' if method == 'pu-classifier' else ' alone'} with healthygan "
        f"{version} on MONAI {cite('monai')} (PyTorch {torch}), on images of {side} × {side} "
        f"pixels, seed {seed}."
    )
    if facts.get("backbone"):
        text += f" Its features are those of {facts['backbone']} (weights: {facts['weights']})."
    if options:
        text += f" Settings: {options}."
    done, asked = found.iterations
    if found.unfinished:
        counted = f": {done:,} of {asked:,} iterations are done" if asked else ""
        text += f" Training has not finished{counted}."
    elif done and done < asked:
        text += f" Training ended early, after {done:,} of {asked:,} iterations."
    if facts.get("departures"):
        text += f" Departures from the publication: {'; '.join(facts['departures'])}."
    return text


def _selection(found: Artefacts, cite: Any) -> str:
    chosen = found.chosen
    if chosen is None and not found.members:
        return " How the checkpoint was selected is not recorded."
    criterion = (found.criterion() if chosen else found.config.get("criterion")) or UNKNOWN
    features = chosen.fid_features if chosen else found.config.get("fid_features")
    names = {
        "fid": f"Fréchet distance (features: {features or UNKNOWN})",
        "aucp": "AUCp, which needs no disease label",
    }
    by = f"{names.get(criterion, criterion)}{f' {cite(criterion)}' if criterion in names else ''}."
    if chosen is None:
        return f" In each run the checkpoint was selected by {by}"
    return (
        f" Of {len(found.selection)} checkpoints, that of iteration {chosen.iteration:,} was "
        f"selected by {by}"
    )


def _scoring(found: Artefacts) -> str:
    rule = found.evaluation.get("options", {}).get("subject_rule")
    over = "the mean over all pixels of"
    if found.evaluation.get("score_by", SCORE_RULE) == "top":
        over = (
            "the mean over the brightest 2 % of pixels, after smoothing by a mean filter (5 × 5 "
            "pixels at 64, in proportion to the side), of"
        )
    text = (
        f"The image score is {over} half the absolute difference between an "
        "image and its healthy translation, both in [-1, 1]; higher is more anomalous."
        if found.is_healthygan()
        else f"The image score is that of {found.method()}; higher is more anomalous."
    )
    return text + (f" The subject score is the {rule} of its image scores." if rule else "")


def _evaluation(found: Artefacts, cite: Any) -> str:
    options = found.evaluation.get("options")
    if not options:
        return ""
    counts = found.evaluation["counts"]["test"]
    text = (
        f"Evaluation used {counts['images']} test images of {counts['subjects']} subjects "
        f"({counts['diseased']} diseased and {counts['healthy']} healthy images). "
        f"Intervals are 95 % percentile bootstrap intervals {cite('bootstrap')} from "
        f"{options['bootstrap']:,} resamples drawn by subject (seed {options['seed']}), "
        "thresholds held fixed. Where all resamples agree (a proportion of 0 or 1, a perfect "
        f"ranking), the interval is exact {cite('exact')}, with subjects as cases. "
    )
    level = found.evaluation["levels"][found.evaluation["unit"]]
    cut = level["thresholds"]["validation"]
    if not cut:
        text += f"No threshold was chosen on validation: {level['threshold_reason']}."
    else:
        source = f" {cite('youden')}" if cut["policy"] == "youden" else ""
        text += (
            f"The label-chosen threshold is the score at which {cut['words']}{source} on "
            "validation."
        )
    return text + _promise(found, level, cite)


def _promise(found: Artefacts, level: Mapping[str, Any], cite: Any) -> str:
    told = level.get("promise")
    if not told or told["threshold"] is None:
        return ""
    known, unit = found.evaluation["known_healthy"]["words"], found.evaluation["unit"]
    sources = cite("conformal") if unit == "subject" else cite("conformal", "hierarchical")
    return (
        f" A second threshold needed no disease label: conformal p-values {sources} by {unit}, "
        f"from {known}, each subject with one vote, bound the rate of false alarms by "
        f"{told['false_alarm_rate']:g}."
    )


def _localisation(found: Artefacts, cite: Any) -> str:
    """Return how maps were compared with masks and boxes; empty if they were not."""
    measured = found.evaluation.get("localisation") or {}
    text = []
    if measured.get("pooled"):
        text.append(
            f"Difference maps were compared with {measured['images']} lesion masks: pixel AUROC, "
            "pixel average precision and per-region overlap up to 30 % false positive pixels "
            f"{cite('pro')}, over the pixels of all images with a lesion, of these with their maps "
            "smoothed by a Gaussian of 1/64 of the side, and of all images."
        )
        quantile = measured.get("healthy_quantile") or {}
        if quantile.get("threshold") is not None:
            text.append(
                f"Dice is that at the {quantile['quantile']:g} quantile of the pixels of "
                f"{quantile['images']} healthy validation images."
            )
    if measured.get("images") or measured.get("boxes"):
        text.append(
            "A map points at a lesion where the maximum of the smoothed map is in its outline "
            f"{cite('pointing')}."
        )
    return " ".join(text)


def _setting(config: Mapping[str, Any], key: str) -> str:
    """Return a setting as text; UNKNOWN, not a default, if it is not on file."""
    value = config.get(key)
    if value is None:
        return UNKNOWN
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(f"{item:g}" for item in value) + ")"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
