"""Matrix factorisation by gradient descent: one vector per user, one vector per item."""

from __future__ import annotations

from typing import ClassVar

from recsys_core.config import Config
from recsys_core.data.interactions import Histories
from recsys_core.recall.factorisation.model import FactorModel
from recsys_core.recall.factorisation.objective import Factors, FactorsConfig
from recsys_core.registry import register_model


class MFConfig(FactorsConfig):
    """Fields of matrix factorisation."""


@register_model(
    "mf",
    stage="recall",
    title="Matrix factorisation",
    paper="Koren, Bell, Volinsky: Matrix factorization techniques for recommender systems. "
    "Computer 2009; BPR: Rendle et al., UAI 2009; softmax over cosines: Wu et al.: On the "
    "effectiveness of sampled softmax loss for item recommendation. TOIS 2024",
)
class MF(FactorModel[MFConfig]):
    """Score item i for user u by s_ui = <p_u, q_i> + b_i, or cos(p_u, q_i) / T + b_i.

    With softmax, the default, the loss of a liked item is -log of its share of exp(s_u.) over the
    negatives, by default the whole catalogue: users are taken a batch at a time with all their
    items, so that one product with the catalogue serves all of them.
    """

    Config: ClassVar[type[Config]] = MFConfig

    def _module(self, rows: Histories) -> Factors:
        return Factors(len(rows), self.n_items, self.config)
