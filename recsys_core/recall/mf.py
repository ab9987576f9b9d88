"""Matrix factorisation by gradient descent: one vector per user, one vector per item."""

from __future__ import annotations

from typing import ClassVar

from recsys_core.config import Config
from recsys_core.data.interactions import Histories
from recsys_core.recall.base import Updates
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

    `Factors` are the vectors p, q and the biases b, all of which start at random or zero and are
    learned by Adam; one of these losses (`FactorsObjective`), with j drawn by the sampler, or with
    softmax by default the whole catalogue::

        softmax   -log(exp(s_ui) / sum over j of exp(s_uj))    of each positive i
        bpr       -log sigmoid(s_ui - s_uj)
        bce       -log sigmoid(s_ui) - sum over j of log sigmoid(-s_uj)
        mse       (r_ui - mean - b_u - s_ui)^2                 of every rating

    Softmax takes users a batch at a time with all their positives, so that one product with the
    catalogue serves all of them. `FactorModel` scores, and folds in users unknown to training.
    """

    Config: ClassVar[type[Config]] = MFConfig
    updates: ClassVar[Updates | None] = "learned"

    def _module(self, rows: Histories) -> Factors:
        return Factors(len(rows), self.n_items, self.config)
