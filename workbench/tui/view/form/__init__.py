"""The form of a new job: fields from the catalogue's schemas, texts, what is wrong with them."""

from __future__ import annotations

from workbench.tui.view.form.copied import Copied, copy_of_spec, job_from_run
from workbench.tui.view.form.fields import Field, Section, Start
from workbench.tui.view.form.form import SEARCH, Form, is_space

__all__ = ["SEARCH", "Copied", "Field", "Form", "Section", "Start"]
__all__ += ["copy_of_spec", "is_space", "job_from_run"]
