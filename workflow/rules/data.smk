# Data: from a source to patches, one file a data set.
import json


def dataset_source(wildcards):
    """The local file that a data set is made from, where it is made from one."""
    source = config["datasets"][wildcards.dataset].get("source", "")
    return source if source and "://" not in source else []


rule data:
    input:
        sorted({f"{RESULTS}/data/{setup['dataset']}.safetensors" for setup in configs.experiments(config).values()}),


rule prepare_data:
    input:
        source=dataset_source,
        code=lambda w: code(
            *(f"data/{name}.py" for name in ("__init__", "splits", "patches", "whitening", "download")),
            f"data/{config['datasets'][w.dataset]['kind']}.py",
        ),
    output:
        f"{RESULTS}/data/{{dataset}}.safetensors",
    params:
        spec=lambda w: json.dumps(configs.dataset_spec(config, w.dataset)),
    log:
        f"{RESULTS}/logs/data/{{dataset}}.log",
    shell:
        "python -m vscbench data --spec {params.spec:q} --out {output:q} 2>&1 | tee {log:q}"
