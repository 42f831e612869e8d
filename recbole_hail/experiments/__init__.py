"""The paper's tables and figures, what it only claims, and the controls that it leaves out, as commands."""
