"""Start-up: graphics libraries, scene and logics, files, modules, the application object."""
