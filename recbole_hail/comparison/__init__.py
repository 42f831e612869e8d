"""Tables, plots and comparisons for people."""
