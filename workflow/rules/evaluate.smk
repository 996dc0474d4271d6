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
    "recovery",
    "features",
    "generation",
    "attributes",
    "pictures",
)


rule metrics:
    input:
        f"{RESULTS}/metrics.csv",


rule evaluate_run:
    input:
        data=lambda w: f"{RESULTS}/data/{config['experiments'][w.experiment]['dataset']}.safetensors",
        run=multiext(
            f"{RESULTS}/runs/{{experiment}}/{{method}}/{{repetition}}/",
            "weights.safetensors",
            "config.json",
            "status.json",
            "resources.json",
        ),
        classifier=classifier,
        code=code(*(f"metrics/{name}.py" for name in QUESTIONS)),
    output:
        multiext(
            f"{RESULTS}/runs/{{experiment}}/{{method}}/{{repetition}}/",
            "metrics.json",
            "arrays.npz",
        ),
    log:
        f"{RESULTS}/logs/evaluate/{{experiment}}/{{method}}/{{repetition}}.log",
    conda:
        "../../environment.yml"
    resources:
        device=config["device"],
    params:
        settings=lambda w: json.dumps(configs.evaluation_spec(config, w.experiment)),
        folder=subpath(output[0], parent=True),
        classifier=lambda w, input: (
            f"--classifier {input.classifier}" if input.classifier else ""
        ),
    shell:
        "python -m vscbench evaluate {params.folder:q} --settings {params.settings:q} --data {input.data:q}"
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
        data=lambda w: f"{RESULTS}/data/{config['experiments'][w.experiment]['dataset']}.safetensors",
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
