"""From RecBole's datasets to batches: windows of whole sequences, masks drawn on tensors, batches of similar length."""
