"""An example of a plugin for liveexec."""
