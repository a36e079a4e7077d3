"""The generators lie beside the pages that they fill in, as Sphinx finds them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
