"""Views of the scene: slices, 3D, plots, tables, and the layout that arranges them."""
