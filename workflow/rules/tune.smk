# Equal tuning: as many trials of every method of an experiment that has `trials`, and the best of them as constants.
rule tune:
    input:
        trials_of,
    localrule: True


rule choose_constants:
    input:
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/study.json",
    output:
        f"{RESULTS}/chosen.yaml",
    log:
        f"{RESULTS}/logs/choose.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        code=PLAN.code("choose"),
    shell:
        "python -m vscbench choose --config {params.config:q} 2>&1 | tee {log:q}"
