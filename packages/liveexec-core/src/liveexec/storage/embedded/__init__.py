"""The PostgreSQL that comes along: started on demand, shared by every process that uses its data folder, and stopped
when the last of them is done with it or dead. ``EmbeddedPostgres.start()`` is the way in.
"""

from liveexec.storage.embedded.binaries import PostgresBinaries
from liveexec.storage.embedded.embedded_postgres import EmbeddedPostgres
from liveexec.storage.embedded.errors import EmbeddedPostgresError
from liveexec.storage.embedded.layout import default_data_dir
from liveexec.storage.embedded.running import Arrival

__all__ = ["Arrival", "EmbeddedPostgres", "EmbeddedPostgresError", "PostgresBinaries", "default_data_dir"]
