# Metrics: every question about every run, and the reference codes of each experiment.
import json

QUESTIONS = (
    "__init__",
    "evaluation",
    "reconstruction",
    "lasso",
    "sparsity",
    "collapse",
    "dependence",
    "gradients",
    "stability",
    "bounds",
    "exactness",
    "recovery",
    "features",
    "generation",
    "attributes",
    "pictures",
)


rule metrics:
    input:
        f"{RESULTS}/metrics.csv",


for experiment, method in dict.fromkeys(
    (run[0], run[1].partition("@")[0]) for run in configs.runs(config)
):

    rule:
        # All runs of a method at once, its repetitions and points: importing what measures costs as much as measuring.
        name:
            f"evaluate_{experiment}_{method}"
        input:
            data=dataset_file(experiment),
            runs=expand(
                "{run}/{file}",
                run=runs_of(experiment, method),
                file=(
                    "weights.safetensors",
                    "config.json",
                    "status.json",
                    "resources.json",
                ),
            ),
            classifier=classifier(experiment),
            code=code(*(f"metrics/{name}.py" for name in QUESTIONS)),
        output:
            expand(
                "{run}/{file}",
                run=runs_of(experiment, method),
                file=("metrics.json", "arrays.npz"),
            ),
        log:
            f"{RESULTS}/logs/evaluate/{experiment}/{method}.log",
        conda:
            "../../environment.yml"
        resources:
            device=config["device"],
        params:
            settings=json.dumps(configs.evaluation_spec(config, experiment)),
            runs=runs_of(experiment, method),
            classifier=" ".join(
                f"--classifier {file}" for file in classifier(experiment)
            ),
        shell:
            "python -m vscbench evaluate {params.runs:q} --settings {params.settings:q} --data {input.data:q}"
            " {params.classifier} --device {resources.device} 2>&1 | tee {log:q}"


rule train_classifier:
    # Its features stand in for Inception's in FID and KID: nothing of it is downloaded.
    input:
        data=f"{RESULTS}/data/{{dataset}}.safetensors",
        code=code("metrics/features.py"),
    output:
        f"{RESULTS}/features/{{dataset}}.safetensors",
    log:
        f"{RESULTS}/logs/features/{{dataset}}.log",
    conda:
        "../../environment.yml"
    resources:
        device=config["device"],
    params:
        seed=lambda w: configs.derive_seed(config["seed"], w.dataset, "features"),
    shell:
        "python -m vscbench features --data {input.data:q} --seed {params.seed} --out {output:q}"
        " --device {resources.device} 2>&1 | tee {log:q}"


rule measure_baselines:
    input:
        data=lambda w: dataset_file(w.experiment),
        code=code("metrics/baselines.py"),
    output:
        f"{RESULTS}/baselines/{{experiment}}.json",
    log:
        f"{RESULTS}/logs/baselines/{{experiment}}.log",
    conda:
        "../../environment.yml"
    params:
        spec=lambda w: json.dumps(configs.baseline_spec(config, w.experiment)),
    shell:
        "python -m vscbench baselines --spec {params.spec:q} --data {input.data:q} --out {output:q} 2>&1 | tee {log:q}"
