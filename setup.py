"""The two packages as they are found, and the bundle's files inside healthygan_monai.

All else stands in setup.cfg, whose ``find:`` cannot add a package from another folder.
"""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["data_prep*", "healthygan_monai*"]),
        "healthygan_monai.bundle",
    ],
    package_dir={"healthygan_monai.bundle": "bundle"},
)
