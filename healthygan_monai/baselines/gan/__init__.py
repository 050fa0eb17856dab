"""The four competing GANs of Table 1, on one contract and one trainer."""
