"""The form of a new job: fields from the catalogue's schemas, texts, what is wrong with them."""

from __future__ import annotations

from workbench.tui.view.form.copied import Copied, copy_of_spec, job_from_run
from workbench.tui.view.form.estimates import UNKNOWN, estimate_arguments, say_estimate
from workbench.tui.view.form.fields import Field, Section, Start
from workbench.tui.view.form.finding import field_meant, matches
from workbench.tui.view.form.form import Form
from workbench.tui.view.form.spaces import SEARCH

__all__ = ["SEARCH", "UNKNOWN", "Copied", "Field", "Form", "Section", "Start", "copy_of_spec"]
__all__ += ["estimate_arguments", "field_meant", "job_from_run", "matches", "say_estimate"]
