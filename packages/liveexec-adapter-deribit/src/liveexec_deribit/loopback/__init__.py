"""A venue on this machine that speaks Deribit's API v2, for tests and for trying things without an account.

``python -m liveexec_deribit.loopback`` runs it as a process; :func:`liveexec_deribit.loopback.server.serve` runs it in
this one. It is the venue's side of the wire and shares nothing with the adapter beside it. It needs the extra
``liveexec-adapter-deribit[loopback]``, so nothing is imported here.

Left out, and refused rather than ignored: ``max_show``, linked orders, mass quotes, market maker protection, combos and
block trades, advanced option prices (``usd``, ``implv``).
"""
