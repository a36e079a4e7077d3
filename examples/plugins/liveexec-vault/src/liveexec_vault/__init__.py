"""An example of a firm's own storage layer as a plugin for liveexec."""
