# One tidy table of all metrics; every table and figure is made from it and the folders of the runs.
import json

from vscbench.reporting import columns
from vscbench.reporting import figures as drawings

# Those that the study has something for; any other is made where it is asked for by name.
TABLES = configs.worth_making(config, columns.TABLES)
FIGURES = configs.worth_making(config, drawings.FIGURES)
# What reads a finished study, for all of them.
STUDY_CODE = ("reporting/study.py", "config/sweeps.py")
PUBLISHED = ("reporting/published.py", "reporting/published_results.csv")
# What a figure draws on beside its own file: the thresholding itself, the published numbers.
FIGURE_CODE = {
    "threshold": ("coders/threshold.py", "coders/laplacian.py"),
    "dictionaries": ("reporting/agreement.py",),
    "gradient_snr": PUBLISHED,
    "sweeps": PUBLISHED,
    "frontier": ("reporting/frontier.py",),
    "recovery": ("data/synthetic.py",),
}


rule tables:
    input:
        expand(
            f"{RESULTS}/tables/{{name}}.{{suffix}}",
            name=TABLES,
            suffix=("html", "csv", "md", "tex"),
        ),
        multiext(f"{RESULTS}/tables/claims", ".md", ".csv", ".html"),


rule figures:
    input:
        expand(
            f"{RESULTS}/figures/{{name}}.{{suffix}}",
            name=FIGURES,
            suffix=("png", "pdf", "svg"),
        ),


rule assemble_metrics:
    input:
        runs=expand(
            "{run}/{file}",
            run=RUNS,
            file=("metrics.json", "config.json", "weights.safetensors"),
        ),
        baselines=[
            f"{RESULTS}/baselines/{name}.json"
            for name in configs.linear_experiments(config)
        ],
        code=code("reporting/assemble.py", "reporting/agreement.py"),
    output:
        f"{RESULTS}/metrics.csv",
    log:
        f"{RESULTS}/logs/assemble.log",
    conda:
        "../../environment.yml"
    params:
        runs=RUNS,
        labels=json.dumps(configs.labels(config)),
    shell:
        "python -m vscbench assemble --runs {params.runs:q} --baselines {input.baselines:q}"
        " --labels {params.labels:q} --out {output:q} > {log:q} 2>&1"


rule make_table:
    input:
        metrics=f"{RESULTS}/metrics.csv",
        code=code(
            *STUDY_CODE,
            "reporting/tables.py",
            "reporting/columns.py",
            "reporting/numbers.py",
            "reporting/formats.py",
            "reporting/frontier.py",
            "reporting/matched_density.py",
            "reporting/statistics.py",
            *PUBLISHED,
        ),
    output:
        report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}"},
        ),
        multiext(f"{RESULTS}/tables/{{table}}", ".csv", ".md", ".tex"),
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    conda:
        "../../environment.yml"
    params:
        results=subpath(input.metrics, parent=True),
    shell:
        "python -m vscbench table {wildcards.table:q} --results {params.results:q} > {log:q} 2>&1"


rule decide_claims:
    input:
        metrics=f"{RESULTS}/metrics.csv",
        code=code(
            *(
                f"reporting/{name}.py"
                for name in (
                    "frontier",
                    "statistics",
                    "formats",
                    "numbers",
                    "claims/__init__",
                    "claims/comparisons",
                    "claims/evidence",
                    "claims/verdicts",
                    "claims/page",
                )
            ),
            *STUDY_CODE,
        ),
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
        "../../environment.yml"
    params:
        results=subpath(input.metrics, parent=True),
    shell:
        "python -m vscbench claims --results {params.results:q} > {log:q} 2>&1"


rule draw_figure:
    input:
        metrics=f"{RESULTS}/metrics.csv",
        runs=expand(
            "{run}/{file}",
            run=RUNS,
            file=("history.csv", "arrays.npz", "weights.safetensors"),
        ),
        code=lambda w: code(
            *(
                f"reporting/{name}.py"
                for name in (
                    "style",
                    "pictures",
                    "figures/__init__",
                    f"figures/{w.figure}",
                )
            ),
            *STUDY_CODE,
            *FIGURE_CODE.get(w.figure, ()),
        ),
    output:
        report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        multiext(f"{RESULTS}/figures/{{figure}}", ".pdf", ".svg"),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    conda:
        "../../environment.yml"
    params:
        results=subpath(input.metrics, parent=True),
    shell:
        "python -m vscbench figure {wildcards.figure:q} --results {params.results:q} > {log:q} 2>&1"
