"""Thousands of clips: found, worked on by processes or a cluster, each recorded once, told in two tables.

:func:`~.run.run_cohort` is the door. Every clip is one :class:`~.orders.ClipOrder`, which workers carry out step by
step (:mod:`.steps`) and record in one move of a file, so that a run that was killed goes on where it was. The workers
are processes of this machine (:mod:`.local`) or of a Dask cluster (:mod:`.cluster`).
"""
