"""Collects the inventory of many Polytomic organizations into one Postgres, for BI tools.

The one-minute tour, in the order in which data flows:

``settings`` and ``organizations`` say whom to ask. ``pipeline`` starts one task per scope (one
resource of one organization). ``client`` fetches under ``limits``, ``api`` deciphers the answer,
``resources`` normalize and ``redact`` masks it, ``diff`` decides what changed and what may be
removed, ``store`` writes it, ``runs`` records what happened. People read the views of the schema
``reporting``; ``cli`` wires it all together and is the only place that opens anything.
"""

__version__ = "0.1.0"
