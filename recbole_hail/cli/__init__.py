"""One file per command: parsing and calling, nothing else."""
