"""The interactive session. Importing this package loads nothing; `workbench.tui.app` does."""
