"""What recall models share: queries from histories, likeness of items, validation."""
