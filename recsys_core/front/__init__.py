"""What `recsys_core` offers to Python: data sets of frames, splits, models, results."""
