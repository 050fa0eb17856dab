"""Where the repository and the material beside it are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "bundle" / "configs"
SHARED = ROOT.parent / "shared"
DATA = Path(os.environ.get("HEALTHYGAN_DATA", SHARED / "data"))
METADATA_SCHEMA = SHARED / "meta_schema_20240725.json"
