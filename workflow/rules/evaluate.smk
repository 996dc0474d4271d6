# Metrics of every run, and those of codes that learn nothing.
rule metrics:
    input:
        f"{RESULTS}/metrics.csv",
    localrule: True


rule evaluate_run:
    input:
        data=prepared_data,
        run=multiext(
            f"{RESULTS}/runs/{{experiment}}/{{variant}}/{{repetition}}/",
            "weights.safetensors",
            "config.json",
            "status.json",
            "resources.json",
            "history.csv",
        ),
        classifier=lambda wildcards: PLAN.classifiers(
            wildcards.experiment, int(wildcards.repetition)
        ),
    output:
        multiext(
            f"{RESULTS}/runs/{{experiment}}/{{variant}}/{{repetition}}/",
            "metrics.json",
            "arrays.npz",
        ),
    log:
        f"{RESULTS}/logs/evaluate/{{experiment}}/{{variant}}/{{repetition}}.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        run=run_name,
        evaluation=lambda wildcards: PLAN.evaluation(wildcards.experiment),
        code=lambda wildcards: PLAN.run_code("evaluate", run_name(wildcards)),
    shell:
        "python -m vscbench evaluate {params.run} --config {params.config:q} 2>&1 | tee {log:q}"


rule train_fid_classifier:
    # Its features stand in for Inception's in FID and KID: nothing of it is downloaded.
    input:
        f"{RESULTS}/data/{{dataset}}.safetensors",
    output:
        f"{RESULTS}/classifiers/{{dataset}}.safetensors",
    log:
        f"{RESULTS}/logs/classifiers/{{dataset}}.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        seed=PLAN.study.seed,
        code=PLAN.code("train_fid_classifier"),
    shell:
        "python -m vscbench train-fid-classifier {wildcards.dataset} --config {params.config:q} 2>&1 | tee {log:q}"


rule measure_baselines:
    input:
        prepared_data,
    output:
        f"{RESULTS}/baselines/{{experiment}}.json",
    log:
        f"{RESULTS}/logs/baselines/{{experiment}}.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        settings=lambda wildcards: PLAN.baseline(wildcards.experiment),
        code=PLAN.code("baselines"),
    shell:
        "python -m vscbench baselines {wildcards.experiment} --config {params.config:q} 2>&1 | tee {log:q}"
