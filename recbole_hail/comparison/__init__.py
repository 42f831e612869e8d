"""Models side by side: planned, trained in processes of their own, ranked among the same candidates, tabulated."""
