"""A metric of a package that workers find installed: 1 for every user."""

from __future__ import annotations

import numpy as np

from recsys_core.evaluation.extended import Lists, register_metric
from recsys_core.evaluation.result import Vector


@register_metric("trials", judges="lists", meaning="1 for every user")
def trials(lists: Lists, k: int) -> Vector:
    return np.ones(len(lists.users))
