"""Clips with masks and landmarks to train on, a module a source; :func:`.base.open_data_set` is the door."""
