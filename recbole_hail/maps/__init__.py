"""The map of a forecast: which generators it draws, where dots and names find room, and the page around it."""
