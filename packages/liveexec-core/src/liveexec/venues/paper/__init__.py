"""The built-in paper venue: a matching engine on a replayed or synthetic market, in this process or another.

In this process, :func:`~liveexec.venues.paper.adapter.paper_adapters` makes the adapters of a
:class:`~liveexec.venues.paper.world_config.PaperWorldConfig`. As a process of its own,
:func:`~liveexec.venues.paper.hosting.spawn_server` starts it and
:class:`~liveexec.venues.paper.client.RemotePaperAdapter` talks to it. Nothing is imported here, so that whoever needs
one part loads no other.
"""
