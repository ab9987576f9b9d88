"""What ranking networks are put together from: embeddings, layers, crosses, experts."""
