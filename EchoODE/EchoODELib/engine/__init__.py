"""The engine: everything from a clip's file to its measurements, free of Slicer, VTK and Qt."""
