"""The two packages as they are found, the bundle's files inside healthygan_monai, and the sdist.

All else stands in setup.cfg, whose ``find:`` cannot add a package from another folder.
"""

import gzip
import os
import tarfile
import time
from pathlib import Path
from typing import Any

from setuptools import find_packages, setup
from setuptools.command.sdist import sdist


class Sdist(sdist):
    """A source archive whose bytes follow from its files: times, owners and order are fixed.

    The time is SOURCE_DATE_EPOCH (reproducible-builds.org), as wheels have it; else now.
    """

    def make_archive(self, base_name: str, format: str, *args: Any, **options: Any) -> str:
        """Return the path of the archive; formats other than gztar are made as usual."""
        if format != "gztar":
            return super().make_archive(base_name, format, *args, **options)
        moment = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))

        def same(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime, member.uid, member.gid, member.uname, member.gname = moment, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        path = f"{base_name}.tar.gz"
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with (
            open(path, "wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=moment) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            archive.add(options["base_dir"], filter=same)  # its members in order of their names
        return path


setup(
    cmdclass={"sdist": Sdist},
    packages=[
        *find_packages(include=["data_prep*", "healthygan_monai*"]),
        "healthygan_monai.bundle",
    ],
    package_dir={"healthygan_monai.bundle": "bundle"},
)
