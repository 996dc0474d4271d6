# Training: one run of one method. A run depends on its specification, its data and the code that trains it.
import json

SHARED_CODE = (
    *(f"coders/{name}.py" for name in ("__init__", "base", "amortised", "divergences")),
    *(f"generators/{name}.py" for name in ("__init__", "dictionary", "encoders")),
    *(f"objectives/{name}.py" for name in ("__init__", "sampling", "lasso")),
    *(f"training/{name}.py" for name in ("loop", "optimizer", "checkpoint", "memory")),
    "model.py",
    "ramps.py",
)


def run_spec(wildcards):
    return configs.run_spec(config, wildcards.experiment, wildcards.method, int(wildcards.repetition))


def training_code(wildcards):
    """The source files that the weights of a run depend on."""
    coder = run_spec(wildcards)["coder"]
    threshold = ("coders/threshold.py", "coders/gamma.py") if coder.get("threshold", "none") != "none" else ()
    return code(*SHARED_CODE, f"coders/{coder['family']}.py", *threshold)


rule train:
    input:
        [f"{run}/weights.safetensors" for run in RUNS],


rule train_run:
    input:
        data=lambda w: f"{RESULTS}/data/{config['experiments'][w.experiment]['dataset']}.safetensors",
        code=training_code,
    output:
        multiext(
            f"{RESULTS}/runs/{{experiment}}/{{method}}/{{repetition}}/",
            "weights.safetensors",
            "history.csv",
            "config.json",
            "status.json",
            "resources.json",
        ),
    params:
        spec=lambda w: json.dumps(run_spec(w)),
        folder=subpath(output[0], parent=True),
        # Not a declared output: Snakemake deletes those of a run that was stopped, and a run resumes from this.
        checkpoint=lambda w: f"{RESULTS}/checkpoints/{w.experiment}/{w.method}/{w.repetition}.pt",
    log:
        f"{RESULTS}/logs/train/{{experiment}}/{{method}}/{{repetition}}.log",
    shell:
        "python -m vscbench train --spec {params.spec:q} --data {input.data:q} --out {params.folder:q}"
        " --checkpoint {params.checkpoint:q} --checkpoint-seconds {config[checkpoint_seconds]}"
        " --device {config[device]} 2>&1 | tee {log:q}"
