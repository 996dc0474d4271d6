# Training: one run of one method. A run depends on its specification, its data and the code that trains it.
import json


rule train:
    input:
        [f"{run}/weights.safetensors" for run in RUNS],


rule train_run:
    input:
        data=lambda w: dataset_file(w.experiment),
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
    log:
        f"{RESULTS}/logs/train/{{experiment}}/{{method}}/{{repetition}}.log",
    conda:
        "../../environment.yml"
    resources:
        # Not parameters: where and how safely a run is trained is no part of what it is.
        device=config["device"],
        checkpoint_seconds=config["checkpoint_seconds"],
    params:
        spec=lambda w: json.dumps(run_spec(w)),
        folder=subpath(output[0], parent=True),
        # Not a declared output: Snakemake deletes those of a run that was stopped, and a run resumes from this.
        checkpoint=lambda w: f"{RESULTS}/checkpoints/{w.experiment}/{w.method}/{w.repetition}.pt",
    shell:
        "python -m vscbench train --spec {params.spec:q} --data {input.data:q} --out {params.folder:q}"
        " --checkpoint {params.checkpoint:q} --checkpoint-seconds {resources.checkpoint_seconds}"
        " --device {resources.device} 2>&1 | tee {log:q}"
