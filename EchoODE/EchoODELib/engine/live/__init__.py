"""Live use: frames that come one by one, masks that keep up with them, a number as each beat ends.

:mod:`.segmenter` makes the masks, :mod:`.clock` says which frame is due, :mod:`.beats` finds end-diastole and
end-systole as they pass, :mod:`.sources` brings frames from files and cameras, :mod:`.session` puts these together.
"""
