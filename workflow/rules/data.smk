# Data: from a source to vectors or images, one file a data set, or one a fold where every repetition is a fold.
rule data:
    input:
        [f"{RESULTS}/data/{dataset}.safetensors" for dataset in PLAN.datasets()],
    localrule: True


rule prepare_data:
    input:
        lambda wildcards: PLAN.source_files(wildcards.dataset),
    output:
        f"{RESULTS}/data/{{dataset}}.safetensors",
    log:
        f"{RESULTS}/logs/data/{{dataset}}.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        spec=lambda wildcards: PLAN.dataset_spec(wildcards.dataset),
        code=lambda wildcards: PLAN.data_code(wildcards.dataset),
    shell:
        "python -m vscbench data {wildcards.dataset} --config {params.config:q} 2>&1 | tee {log:q}"
