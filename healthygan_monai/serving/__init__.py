"""A model behind a server: any medical image in, scores and maps in that image's own space out.

``transforms.request_transforms`` and ``transforms.AnswerRequestd`` are ``preprocessing`` and ``postprocessing`` of
``bundle/configs/inference.json``, which MONAI Label serves; ``python -m healthygan_monai.serving`` puts a model where
it serves it. See docs/monai_label.md.
"""
