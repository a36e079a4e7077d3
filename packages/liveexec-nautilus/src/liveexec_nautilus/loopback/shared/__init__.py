"""What every loopback venue stands on: one order book, one fault script, one server.

A venue of its own is a subclass of :class:`~liveexec_nautilus.loopback.shared.venue.LoopbackVenue`: it says how its
requests are read and its messages written. Matching, accounts, faults, sessions, the request log and the control are
here. Nothing is imported here, since the server needs the extra ``liveexec-nautilus[loopback]``.
"""
