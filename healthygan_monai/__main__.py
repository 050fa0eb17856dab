"""``python -m healthygan_monai`` is the ``healthygan`` command."""

import sys

from healthygan_monai.cli.main import main

sys.exit(main())
