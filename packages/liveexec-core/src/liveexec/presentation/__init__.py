"""What people and programs are shown: views of orders, fills, positions and events, and the ways to render them.

A view (``views``) makes a :class:`~liveexec.presentation.table_view.TableView` of plain rows or events; a renderer
(``renderers``) shows one. Numbers, times and ids become text in ``formatting`` and nowhere else.
"""
