"""What single models of RecBole need beside the events, and find missing once all data are read."""

from pathlib import Path

import recbole.data.dataset
from recbole.data.dataset import KnowledgeBasedDataset
from recbole.utils import ModelType


def problems(config) -> list[str]:
    """One sentence for each of them: the setting, what it lacks, what to do."""
    return _features(config) + _graph(config) + _earlier_stage(config)


def _features(config) -> list[str]:
    """Of elements, which FDSA and its like learn from."""
    features, columns = config["selected_features"], config["load_col"]
    loaded = columns.get("item") or [] if isinstance(columns, dict) else "*"
    missing = [] if loaded == "*" else [name for name in features or () if name not in loaded]
    if not missing:
        return []
    with_them = {**columns, "item": list(dict.fromkeys([config["ITEM_ID_FIELD"], *loaded, *missing]))}
    advice = f'add --load_col="{with_them}", or name columns of the .item file that are'
    return [f"selected_features: {', '.join(missing)} of the .item file is not loaded; {advice}"]


def _graph(config) -> list[str]:
    """The files of a sequential model's knowledge graph, of which RecBole loads no column that is not named."""
    own, columns = getattr(recbole.data.dataset, f"{config['model']}Dataset", object), config["load_col"]
    if config["MODEL_TYPE"] != ModelType.SEQUENTIAL or not issubclass(own, KnowledgeBasedDataset):
        return []
    names = {
        "kg": ["HEAD_ENTITY_ID_FIELD", "RELATION_ID_FIELD", "TAIL_ENTITY_ID_FIELD"],
        "link": ["ITEM_ID_FIELD", "ENTITY_ID_FIELD"],
    }
    missing = [file for file in names if isinstance(columns, dict) and not columns.get(file)]
    if not missing:
        return []
    with_them = {**columns, **{file: [config[name] for name in names[file]] for file in missing}}
    files = " and ".join(f"{config['dataset']}.{file}" for file in missing)
    return [f'load_col: {config["model"]} reads a knowledge graph; to load {files} add --load_col="{with_them}"']


def _earlier_stage(config) -> list[str]:
    """The checkpoint that a model trained in stages of their own starts from."""
    path = config["pre_model_path"]
    wanted = config["train_stage"] in ("critic_pretrain", "finetune") or config["train_method"] == "after_pretrain"
    if path is None or not wanted or Path(str(path)).is_file():
        return []
    return [
        f"pre_model_path: {path!r} is no file; name the checkpoint that {config['model']} starts from, of its stage "
        "before (S3Rec, RaCT) or of BPR (ConvNCF)"
    ]
