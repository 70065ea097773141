"""A segment editor under the names of Slicer's, over vtkSlicerSegmentEditorLogic."""
