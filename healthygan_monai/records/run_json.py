"""run.json: what was run, on which data, with which result."""

from healthygan_monai.records.recipe import recipe
from healthygan_monai.records.schema import (
    Kind,
    anything,
    either,
    list_of,
    number,
    or_none,
    path,
    record,
    sha256,
    text,
    whole,
)

_MEMBER: dict[str, Kind] = {"run": text, "seed": whole, "weights_sha256": sha256}
RUN = record(
    {
        "version": text,
        "commit": or_none(text),
        "torch": text,
        "python": text,
        "seed": either(whole, list_of(whole)),
        "dataset": path,
        "data_hash": text,
        "recipe": or_none(recipe),  # of the preparation
        "training_recipe": text,  # paper or pretrained; absent of other methods
        "device": text,
        "command": text,
        "started": text,
        "finished": or_none(text),
        "price": number,  # found by the search
        "iterations": whole,  # done
        "resumed": list_of(text),
        "members": list_of(record(_MEMBER, ("run", "seed"))),
        "method": text,
        "detector": anything,
        "weights_sha256": sha256,  # of model.pt
        "critic_sha256": sha256,  # of critic.pt
        "critic_backbone_sha256": sha256,  # of a user's own file, where the critic has one
    }
)
