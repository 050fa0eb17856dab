"""The names that the bundle's configs use: ``hg.plan_at(@dataset)``, ``_target_`` of handlers."""

from healthygan_monai.baselines.fitting import options_for
from healthygan_monai.baselines.registry import check_options, load_detector
from healthygan_monai.config.devices import best_device
from healthygan_monai.config.forecast import log_forecast
from healthygan_monai.config.keys import begin
from healthygan_monai.config.settings import check_settings, judging_interval, settings_of
from healthygan_monai.config.typed_paths import typed_paths
from healthygan_monai.data import load_dataset, plan_at, selection_items, training_items
from healthygan_monai.data.images import items_to_score, load_images, pictures_root, write_refused
from healthygan_monai.data.kept_out import judges, keep_out, write_kept_out
from healthygan_monai.evaluation.defaults import RESAMPLES
from healthygan_monai.evaluation.run import evaluate_run
from healthygan_monai.inference.detector_evaluator import DetectorEvaluator
from healthygan_monai.inference.kept_out_items import kept_out_items
from healthygan_monai.inference.pictures import MapPictures, picture_saver
from healthygan_monai.inference.samples import SamplePictures
from healthygan_monai.models.about import image_size_for, seed_of
from healthygan_monai.models.critic_score import load_critic_score
from healthygan_monai.models.inputs import check_inputs
from healthygan_monai.models.load import load_generator, load_weights, network_by_name
from healthygan_monai.models.scorer import detector_scorer, make_scorer
from healthygan_monai.networks.fid_features import feature_extractor
from healthygan_monai.paths import bundle_root_here, eval_folder, size_in_metadata
from healthygan_monai.pretrained.make import backbone_record, make_critic, make_trainer
from healthygan_monai.pretrained.price import PriceSearch
from healthygan_monai.runs import begin_run, end_run, make_folder, run_folder
from healthygan_monai.selection import criterion_metrics
from healthygan_monai.training.averaging import MovingAverage
from healthygan_monai.training.checkpoints import RunCheckpoints, resume
from healthygan_monai.training.handlers import LearningRate, MetricsLog, Progress, scalars
from healthygan_monai.training.ranks import (
    dataset_of_ranks,
    join_ranks,
    leave_ranks,
    share_of_rank,
)
from healthygan_monai.training.tracking import track, tracking_database, tracking_name
from healthygan_monai.training.watch import TranslationWatch

__all__ = [
    "RESAMPLES",
    "DetectorEvaluator",
    "LearningRate",
    "MapPictures",
    "MetricsLog",
    "MovingAverage",
    "PriceSearch",
    "Progress",
    "RunCheckpoints",
    "SamplePictures",
    "TranslationWatch",
    "backbone_record",
    "begin",
    "begin_run",
    "best_device",
    "bundle_root_here",
    "check_inputs",
    "check_options",
    "check_settings",
    "criterion_metrics",
    "dataset_of_ranks",
    "detector_scorer",
    "end_run",
    "eval_folder",
    "evaluate_run",
    "feature_extractor",
    "image_size_for",
    "items_to_score",
    "join_ranks",
    "judges",
    "judging_interval",
    "keep_out",
    "kept_out_items",
    "leave_ranks",
    "load_critic_score",
    "load_dataset",
    "load_detector",
    "load_generator",
    "load_images",
    "load_weights",
    "log_forecast",
    "make_critic",
    "make_folder",
    "make_scorer",
    "make_trainer",
    "network_by_name",
    "options_for",
    "picture_saver",
    "pictures_root",
    "plan_at",
    "resume",
    "run_folder",
    "scalars",
    "seed_of",
    "selection_items",
    "settings_of",
    "share_of_rank",
    "size_in_metadata",
    "track",
    "tracking_database",
    "tracking_name",
    "training_items",
    "typed_paths",
    "write_kept_out",
    "write_refused",
]
