"""How work is done on this machine: threads, blocks, memory, device and seed, exact powers."""
