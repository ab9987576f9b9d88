"""Item vectors from sequences and walks, by skip-gram."""
