# Data: from a source to patches, one file a data set.
import json

DATA_CODE = (
    "__init__",
    "splits",
    "patches",
    "whitening",
    "download",
    "subsets",
    "torchvision_ops",
)


rule data:
    input:
        sorted(
            {
                f"{RESULTS}/data/{setup['dataset']}.safetensors"
                for setup in configs.experiments(config).values()
            }
        ),


rule prepare_data:
    input:
        source=dataset_source,
        code=lambda w: code(
            *(f"data/{name}.py" for name in DATA_CODE),
            f"data/{config['datasets'][w.dataset]['kind']}.py",
        ),
    output:
        f"{RESULTS}/data/{{dataset}}.safetensors",
    log:
        f"{RESULTS}/logs/data/{{dataset}}.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: json.dumps(configs.dataset_spec(config, w.dataset)),
    shell:
        "python -m vscbench data --spec {params.spec:q} --out {output:q} 2>&1 | tee {log:q}"
