"""What `doctor` looks at: installation, machine, terminal, folders; one finding per thing."""
