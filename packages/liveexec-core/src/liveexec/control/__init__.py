"""The owner's local socket: operators see and stop a running host without a server and without its database."""
