"""Searching settings: spaces, Hyperopt, Ray Tune, and what a search leaves behind."""
