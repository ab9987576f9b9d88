"""What the screens show, worked out from run summaries: plain values, no widgets."""
