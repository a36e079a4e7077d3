"""How Sphinx builds these pages: ``uv run nox -s docs``. ``generators`` write what the code says."""

import logging
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generators import filled_in
from sphinx.application import Sphinx

# What the library's parts say while they are imported is not about the pages.
logging.getLogger("alembic").setLevel(logging.WARNING)

project = "liveexec"
author = "the liveexec contributors"
project_copyright = "2026, the liveexec contributors"  # Sphinx also reads ``copyright``, a builtin's name
release = version = installed_version("liveexec-core")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "generators", "static"]
html_theme = "furo"
html_title = f"liveexec {release}"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_use_index = False  # nothing here is marked for an index: it would be an empty page
myst_heading_anchors = 3
myst_enable_extensions = ["tasklist"]
# Every reference must lead somewhere.
nitpicky = True


def setup(app: Sphinx) -> None:
    """Let what the code says stand where a page asks for it."""
    app.connect("source-read", _fill_in)


def _fill_in(_: Sphinx, page: str, source: list[str]) -> None:
    source[0] = filled_in(page, source[0])
