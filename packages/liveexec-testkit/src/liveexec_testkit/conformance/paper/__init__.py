"""Harnesses of the paper venue: the worked examples of one. In this process, where a venue's script breaks calls; and
in a process of its own, where a proxy breaks what travels on the wire."""

from liveexec_testkit.conformance.paper.in_process import PaperHarness
from liveexec_testkit.conformance.paper.remote import PaperServers, RemotePaperHarness
from liveexec_testkit.conformance.paper.totals import TotalsHarness

__all__ = ["PaperHarness", "PaperServers", "RemotePaperHarness", "TotalsHarness"]
