"""Evaluation by named protocols: candidates, ranks, metrics, and whether models differ."""
