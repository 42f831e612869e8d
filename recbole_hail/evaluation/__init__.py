"""Evaluation: every peer and their mean scored from one encoding of each sequence."""
