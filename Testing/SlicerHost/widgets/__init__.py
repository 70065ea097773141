"""The qMRML and ctk widgets that Slicer has and PySide6 has not."""
