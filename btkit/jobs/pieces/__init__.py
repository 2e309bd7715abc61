"""Jobs in pieces: how each kind is divided, worked on in pieces, and put together again.

The outcome is that of the job done in one piece, to the last bit: each piece is measured by what
measures a whole job, and the whole is put together by the code of a job that goes on, to which
everything is known already.
"""

from __future__ import annotations

from btkit.jobs.pieces.division import FINISH, WHOLE, Division, Piece
from btkit.jobs.pieces.summary import Leader, Summary

__all__ = ["FINISH", "WHOLE", "Division", "Leader", "Piece", "Summary"]
