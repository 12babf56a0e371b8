"""Collects the inventory of many Polytomic organizations into one Postgres, for BI tools.

The one-minute tour, in the order in which data flows:

``settings`` and ``organizations`` say whom to ask. ``pipeline`` runs the ``stages`` beside the
writer; a stage takes from the ``agenda`` one task per scope (one resource of one organization), and
``books`` say which are done. ``collect`` tells its story: ``client`` fetches under ``limits``,
``api`` deciphers the answer, ``resources`` normalize and ``redact`` masks it by ``names`` and by
the ``rules`` of its type, ``drift`` notices what the API's documentation does not have,
``identity`` makes sure whose it is, ``diff`` holds it against what ``lookup`` finds stored.
``writer`` groups what is finished, ``commit`` makes one transaction of it: ``store`` writes rows,
``ledger`` and ``runs`` say what happened; ``isolation`` saves the rest where the database refuses a
record. When all have been read, ``proof`` looks for rows that answers lacked, and only what it
proves gone is removed. People read the views of the schema ``reporting``, and what ``terminal``
prints. ``commands`` and ``wiring`` put it together and are the only places that open anything.
"""

__version__ = "0.1.0"
