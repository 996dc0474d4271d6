# Training: one run of one method. A run depends on its specification, its data and the code that trains it.
rule train:
    input:
        run_files("weights.safetensors"),
    localrule: True


rule train_run:
    input:
        prepared_data,
    output:
        multiext(
            f"{RESULTS}/runs/{{experiment}}/{{variant}}/{{repetition}}/",
            "weights.safetensors",
            "history.csv",
            "config.json",
            "status.json",
            "resources.json",
        ),
    log:
        f"{RESULTS}/logs/train/{{experiment}}/{{variant}}/{{repetition}}.log",
    conda:
        "../envs/vscbench.yaml"
    resources:
        gpu=int(PLAN.study.device.startswith("cuda")),
    params:
        config=CONFIG,
        run=run_name,
        seed=section("seed"),
        dataset=section("dataset"),
        generator=section("generator"),
        encoder=section("encoder"),
        coder=section("coder"),
        objective=section("objective"),
        training=section("training"),
        code=lambda wildcards: PLAN.run_code("train", run_name(wildcards)),
    shell:
        "python -m vscbench train {params.run} --config {params.config:q} 2>&1 | tee {log:q}"
