# Other studies by name: `snakemake ablation_sampling` runs one to its end, a workflow with results of its own.
from pathlib import Path

STUDIES = {
    **{
        path.stem: ("ablation", path.stem)
        for path in sorted(Path("config").glob("ablation_*.yaml"))
    },
    **{
        name: (name,)
        for name in (
            "matched_density",
            "recovery",
            "olshausen",
            "fashion_mnist",
            "celeba",
            "faces",
            "paper",
        )
    },
    "fashion_mnist_quick": ("fashion_mnist", "fashion_mnist_quick"),
    "fashion_mnist_mlp": ("fashion_mnist", "fashion_mnist_mlp"),
    "latent_sizes": ("fashion_mnist", "fashion_mnist_mlp", "latent_sizes"),
    "batch_norm": ("fashion_mnist", "batch_norm"),
}


for study, overlays in STUDIES.items():

    rule:
        # No output: that workflow knows what is left to do. On a cluster give its overlays and the profile yourself.
        name:
            study
        log:
            f"{RESULTS}/logs/studies/{study}.log",
        localrule: True
        conda:
            "../../environment.yml"
        threads: workflow.cores
        params:
            overlays=[f"config/{name}.yaml" for name in overlays],
        shell:
            "snakemake --cores {threads} --configfile {params.overlays:q} 2>&1 | tee {log:q}"
