"""A ranking model of RecBole: FOLDER SETTINGS (rate | fit).

rate: three training epochs; prints the rows per second of the fastest. fit: trains until validation
AUC stops growing; prints the seconds until its best epoch was over and the AUC of the test rows.
"""

import json
import os
import sys
import tempfile
import time
from logging import disable
from pathlib import Path

from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed

started = time.perf_counter()
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
    "dropout_prob": 0.2,
    "train_batch_size": 4096,
    "learning_rate": 0.003,
    "use_gpu": False,
    "show_progress": False,
    "state": "ERROR",
    "stopping_step": 5,
    **json.loads(sys.argv[2]),
}
disable()
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # its own checkpoints hold its settings
config = Config(model=settings["model"], dataset=folder.name, config_dict=settings)
init_seed(0, True)
train, valid, test = data_preparation(config, create_dataset(config))
trainer = Trainer(config, get_model(settings["model"])(config, train.dataset))
if sys.argv[3] == "rate":
    rates = []
    for epoch in range(3):
        begun = time.perf_counter()
        trainer._train_epoch(train, epoch)
        rates.append(len(train.dataset) / (time.perf_counter() - begun))
    print(json.dumps({"rate": max(rates)}))
else:
    ends = []
    trainer.fit(
        train,
        valid,
        show_progress=False,
        callback_fn=lambda epoch, score: ends.append((score, time.perf_counter())),
    )
    result = trainer.evaluate(test, load_best_model=True)
    seconds = max(ends)[1] - started
    print(json.dumps({"seconds": seconds, "auc": result["auc"], "epochs": len(ends)}))
