# One tidy table of all metrics; every table and figure is made from it and the folders of the runs.
rule tables:
    input:
        [f"{RESULTS}/tables/{name}.html" for name in PLAN.outputs("table")],
        f"{RESULTS}/tables/claims.html",
        [f"{RESULTS}/leaderboard.html"] if PLAN.compares else [],
    localrule: True


rule figures:
    input:
        [f"{RESULTS}/figures/{name}.png" for name in PLAN.outputs("figure")],
    localrule: True


rule assemble_metrics:
    # Arrays are for figures, which depend on all runs by this rule: thirty times thousands of files plan slowly.
    input:
        run_files("metrics.json", "arrays.npz"),
        [f"{RESULTS}/baselines/{name}.json" for name in PLAN.linear],
    output:
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/study.json",
    log:
        f"{RESULTS}/logs/assemble.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        index=PLAN.index_key,
        code=PLAN.code("assemble"),
    shell:
        "python -m vscbench assemble --config {params.config:q} > {log:q} 2>&1"


rule make_table:
    input:
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/study.json",
    output:
        report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../report/output.rst",
            category="Tables",
            labels=lambda wildcards: {"table": PLAN.title(wildcards.table)},
        ),
        multiext(f"{RESULTS}/tables/{{table}}", ".csv", ".md", ".tex", ".txt"),
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        caption=lambda wildcards: PLAN.caption(wildcards.table),
        code=lambda wildcards: PLAN.output_code("table", wildcards.table),
    shell:
        "python -m vscbench table {wildcards.table} --config {params.config:q} > {log:q} 2>&1"


rule decide_claims:
    input:
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/study.json",
    output:
        report(
            f"{RESULTS}/tables/claims.html",
            caption="../report/claims.rst",
            category="Claims",
            labels={"page": "which claims hold"},
        ),
        multiext(f"{RESULTS}/tables/claims", ".md", ".csv"),
    log:
        f"{RESULTS}/logs/claims.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        code=PLAN.code("claims"),
    shell:
        "python -m vscbench claims --config {params.config:q} > {log:q} 2>&1"


rule rank_coders:
    input:
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/study.json",
    output:
        report(
            f"{RESULTS}/leaderboard.html",
            caption="../report/leaderboard.rst",
            category="Leaderboard",
            labels={"page": "which sparse coder to use"},
        ),
        f"{RESULTS}/leaderboard.csv",
    log:
        f"{RESULTS}/logs/leaderboard.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        code=PLAN.code("leaderboard"),
    shell:
        "python -m vscbench leaderboard --config {params.config:q} > {log:q} 2>&1"


rule draw_figure:
    input:
        f"{RESULTS}/metrics.csv",
        f"{RESULTS}/study.json",
    output:
        report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../report/output.rst",
            category="Figures",
            labels=lambda wildcards: {"figure": PLAN.title(wildcards.figure)},
        ),
        multiext(f"{RESULTS}/figures/{{figure}}", ".pdf", ".svg", ".txt"),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        caption=lambda wildcards: PLAN.caption(wildcards.figure),
        code=lambda wildcards: PLAN.output_code("figure", wildcards.figure),
    shell:
        "python -m vscbench figure {wildcards.figure} --config {params.config:q} > {log:q} 2>&1"


rule write_front_page:
    # Last, since it links to all that is there.
    input:
        rules.tables.input,
        rules.figures.input,
    output:
        report(
            PLAN.layout.front_page,
            caption="../report/front_page.rst",
            category="Answer",
            labels={"page": "the front page"},
        ),
    log:
        f"{RESULTS}/logs/front_page.log",
    conda:
        "../envs/vscbench.yaml"
    params:
        config=CONFIG,
        code=PLAN.code("front_page"),
    shell:
        "python -m vscbench front-page --config {params.config:q} > {log:q} 2>&1"
