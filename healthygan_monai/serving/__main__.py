"""python -m healthygan_monai.serving; its commands are in cli/serving.py."""

import sys

from healthygan_monai.cli.serving import main

if __name__ == "__main__":
    sys.exit(main())
