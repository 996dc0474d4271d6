# MLflow: every run with its parameters, curves, metrics and artifacts. The files under results are the truth.
STORE = config["tracking"] or f"{RESULTS}/mlflow"


rule mlflow:
    # No output: asked for by name it always runs, and logs every run of the study anew, replacing its own entries.
    input:
        [f"{run}/metrics.json" for run in RUNS],
    log:
        f"{RESULTS}/logs/mlflow.log",
    conda:
        "../../environment.yml"
    params:
        runs=RUNS,
        store=STORE,
    shell:
        "python -m vscbench track {params.runs:q} --store {params.store:q} 2>&1 | tee {log:q}"


rule track_runs:
    # All runs at once: importing MLflow costs more than logging them.
    input:
        runs=[f"{run}/metrics.json" for run in RUNS],
        code=code("tracking.py"),
    output:
        f"{RESULTS}/tracking.json",
    log:
        f"{RESULTS}/logs/tracking.log",
    conda:
        "../../environment.yml"
    params:
        runs=RUNS,
        store=STORE,
    shell:
        "python -m vscbench track {params.runs:q} --store {params.store:q} --receipt {output:q} 2>&1 | tee {log:q}"
