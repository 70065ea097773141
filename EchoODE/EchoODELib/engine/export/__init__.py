"""Results out: masks, fields, tables, JSON, pictures and the overlay video.

Every writer puts its file into place only when it is whole, and raises
:class:`~EchoODELib.engine.errors.OutputError` when it can't. Nothing written carries the name of the
source file or what is burned in outside the sector, unless it is asked for.
"""

DISCLAIMER = "Research software, not a medical device."
