"""Training with a frozen pretrained critic: its view, its heads, and the price of a change.

After Projected GAN (Sauer et al., NeurIPS 2021) and DiffAugment (Zhao et al., NeurIPS 2020).
"""
