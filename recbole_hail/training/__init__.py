"""Training: the trainer, learning-rate schedules, checkpoints and the record of a run."""
