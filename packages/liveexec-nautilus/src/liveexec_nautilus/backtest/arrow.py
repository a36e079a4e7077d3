"""pyarrow without types: its stubs are of an earlier version, and refuse a plain number beside a column."""

from typing import Any

import pyarrow
import pyarrow.compute

__all__ = ["pa", "pc"]

pa: Any = pyarrow
pc: Any = pyarrow.compute
