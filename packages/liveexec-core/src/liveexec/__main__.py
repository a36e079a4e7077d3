"""``python -m liveexec``: the command line."""

import sys

from liveexec.cli.app import main

sys.exit(main())
