"""The conformance kit: numbered cases that an adapter has to pass, and the harness that its author writes.

``suite.py`` is what an author subclasses, ``harness.py`` what he implements, ``scripts.py`` what a venue can be made
to do; ``cases/`` holds the cases by subject, ``report.py`` what is written of a run.
"""
