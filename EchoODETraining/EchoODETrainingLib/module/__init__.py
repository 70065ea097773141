"""Between the panel and a run's folder: what can be trained, starting, steering and following runs, models."""
