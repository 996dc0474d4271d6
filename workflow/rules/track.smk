# MLflow: every run with its parameters, curves, metrics and artifacts. The files under results are the truth.
STORE = config["tracking"] or f"{RESULTS}/mlflow"


rule mlflow:
    # No output: asked for by name it always runs, and logs every run of the study anew, replacing its own entries.
    input:
        store=f"{RESULTS}/tracking/store.json",
        runs=[f"{run}/metrics.json" for run in RUNS],
    log:
        f"{RESULTS}/logs/tracking/mlflow.log",
    conda:
        "../../environment.yml"
    params:
        runs=RUNS,
        store=STORE,
    shell:
        "python -m vscbench track {params.runs:q} --store {params.store:q} 2>&1 | tee {log:q}"


rule tracked:
    input:
        [f"{RESULTS}/tracking/{name}.json" for name in configs.experiments(config)],


rule create_store:
    # Before the first writer: several processes that open a new SQLite store at once break all but one of them.
    input:
        code=code("tracking.py"),
    output:
        f"{RESULTS}/tracking/store.json",
    log:
        f"{RESULTS}/logs/tracking/store.log",
    conda:
        "../../environment.yml"
    params:
        store=STORE,
    shell:
        "python -m vscbench track --create --store {params.store:q} --receipt {output:q} 2>&1 | tee {log:q}"


rule track_runs:
    # All runs of an experiment at once: importing MLflow costs more than logging them.
    input:
        store=f"{RESULTS}/tracking/store.json",
        runs=lambda w: [f"{run}/metrics.json" for run in experiment_runs(w)],
        code=code("tracking.py"),
    output:
        f"{RESULTS}/tracking/{{experiment}}.json",
    log:
        f"{RESULTS}/logs/tracking/{{experiment}}.log",
    conda:
        "../../environment.yml"
    params:
        runs=experiment_runs,
        store=STORE,
    shell:
        "python -m vscbench track {params.runs:q} --store {params.store:q} --receipt {output:q} 2>&1 | tee {log:q}"
