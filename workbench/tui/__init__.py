"""The interactive session. Importing this package loads nothing; `workbench.tui.app` does."""

import os

#: Textual draws at most so often a second, read when it is imported: what a key leads to after its
#: first answer, as the users found for a letter, waits one to two frames
os.environ.setdefault("TEXTUAL_FPS", "120")
