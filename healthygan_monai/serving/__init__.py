"""A model behind a server: any medical image in, scores and maps in that image's own space out.

``transforms.request_transforms`` and ``transforms.AnswerRequestd`` are ``pre_transforms`` and ``post_transforms`` of
``bundle/configs/inference.json``. MONAI Label uses these where a bundle has them, instead of ``preprocessing`` and
``postprocessing``, which score data sets. ``python -m healthygan_monai.serving`` puts a model where
it serves it. See docs/monai_label.md.
"""
