"""Tables of models and metrics with their intervals, and the forms and charts they are shown in."""
