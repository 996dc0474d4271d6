# MLflow: every run with its parameters, curves, metrics and artifacts. The files under results are the truth.
rule mlflow:
    # No output: asked for by name it always runs, and logs every run of the study anew, replacing its own entries.
    input:
        run_files("metrics.json"),
    log:
        f"{RESULTS}/logs/mlflow.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
    shell:
        "python -m vscbench track --config {params.config:q} 2>&1 | tee {log:q}"


rule track_runs:
    # All runs at once: importing MLflow costs more than logging them.
    input:
        run_files("metrics.json"),
    output:
        f"{RESULTS}/tracking.json",
    log:
        f"{RESULTS}/logs/tracking.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        store=PLAN.layout.store(PLAN.study),
        code=PLAN.code("track"),
    shell:
        "python -m vscbench track --config {params.config:q} --receipt {output:q} 2>&1 | tee {log:q}"
