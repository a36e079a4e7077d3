"""All bugs that are planted."""

from typing import Final

from mutants.domain_bugs import DOMAIN_BUGS
from mutants.engine_bugs import ENGINE_BUGS
from mutants.risk_bugs import RISK_BUGS
from mutants.runtime_bugs import RUNTIME_BUGS
from mutants.shell_bugs import SHELL_BUGS
from mutants.storage_bugs import STORAGE_BUGS

__all__ = ["MUTANTS"]

MUTANTS: Final = (*ENGINE_BUGS, *RISK_BUGS, *DOMAIN_BUGS, *RUNTIME_BUGS, *SHELL_BUGS, *STORAGE_BUGS)
