"""Configuration: JSON documents to typed sections, every fault at once with its path, secrets never shown."""
