"""Deribit for liveexec: an adapter, and a loopback venue that speaks the venue's own protocol."""
