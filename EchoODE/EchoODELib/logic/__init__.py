"""What the panel's buttons and scripts do: between the scene and the worker process, without Qt."""
