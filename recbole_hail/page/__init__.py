"""One self-contained HTML page about a trained model: its data, how well it answers, what it is not for."""
