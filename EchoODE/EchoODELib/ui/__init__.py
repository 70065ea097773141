"""The module's panel: six sections over the operations, shortcuts, and clicks on the curve."""
