"""Scoring of a data set: scores.csv, localisation.json, pictures. The names that configs use."""

from healthygan_monai.inference.critic_scores import CriticScores
from healthygan_monai.inference.localisation_file import LocalisationFile
from healthygan_monai.inference.member_scores import MemberScores
from healthygan_monai.inference.scores_file import ScoresFile

__all__ = ["CriticScores", "LocalisationFile", "MemberScores", "ScoresFile"]
