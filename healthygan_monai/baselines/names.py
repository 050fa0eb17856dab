"""The methods that HealthyGAN is compared with: name -> place of its class.

Nothing is imported here, so that ``healthygan train --help`` needs no PyTorch.
"""

METHODS = {
    "alad": "healthygan_monai.baselines.gan.alad:Alad",
    "alocc": "healthygan_monai.baselines.gan.alocc:Alocc",
    "f-anogan": "healthygan_monai.baselines.gan.fanogan:FAnoGAN",
    "ganomaly": "healthygan_monai.baselines.gan.ganomaly:Ganomaly",
    "padim": "healthygan_monai.baselines.frozen.padim:Padim",
    "patchcore": "healthygan_monai.baselines.frozen.patchcore:PatchCore",
    "mean-intensity": "healthygan_monai.baselines.sanity:MeanIntensity",
    "distance-to-mean": "healthygan_monai.baselines.sanity:DistanceToMean",
    "pu-classifier": "healthygan_monai.baselines.sanity:PuClassifier",
}
