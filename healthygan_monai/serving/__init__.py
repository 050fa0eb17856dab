"""Serve a model: any medical image in, scores and maps in that image's own space out.

``transforms.request_transforms`` and ``transforms.AnswerRequestd`` are ``pre_transforms`` and
``post_transforms`` of ``bundle/configs/inference.json``. MONAI Label uses these where a bundle has
them, and not ``preprocessing`` and ``postprocessing``, which score data sets. See
docs/monai_label.md.
"""
