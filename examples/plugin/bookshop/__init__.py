"""What a bookshop adds to recsys-workbench: one file each."""
