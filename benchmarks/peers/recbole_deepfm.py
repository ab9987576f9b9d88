"""Three training epochs of RecBole's DeepFM; prints the rate of the fastest."""

import json
import sys
import tempfile
import time
from logging import disable
from pathlib import Path

from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.context_aware_recommender.deepfm import DeepFM
from recbole.trainer import Trainer
from recbole.utils import init_seed

folder = Path(sys.argv[1])
settings = {
    "data_path": str(folder.parent),
    "checkpoint_dir": tempfile.mkdtemp(),
    "load_col": {
        "inter": ["user_id", "item_id", "label"],
        "user": ["user_id", "age", "gender", "occupation"],
        "item": ["item_id", "genre", "release_year"],
    },
    "LABEL_FIELD": "label",
    "train_neg_sample_args": None,
    "eval_args": {"split": {"RS": [8, 1, 1]}, "order": "RO", "group_by": None, "mode": "labeled"},
    "metrics": ["AUC", "LogLoss"],
    "valid_metric": "AUC",
    "embedding_size": 16,
    "mlp_hidden_size": [128, 128, 128],
    "dropout_prob": 0.2,
    "train_batch_size": 4096,
    "learning_rate": 0.003,
    "use_gpu": False,
    "show_progress": False,
    "state": "ERROR",
}
disable()
config = Config(model="DeepFM", dataset=folder.name, config_dict=settings)
init_seed(0, True)
train, _, _ = data_preparation(config, create_dataset(config))
trainer = Trainer(config, DeepFM(config, train.dataset))
rates = []
for epoch in range(3):
    started = time.perf_counter()
    trainer._train_epoch(train, epoch)
    rates.append(len(train.dataset) / (time.perf_counter() - started))
print(json.dumps({"rate": max(rates)}))
