"""Larkspur on 127.0.0.1: the protocol of PROTOCOL.md over an exchange with a real order book, and faults on demand."""
