# What jobs depend on: the specification of a run, the source of its data, and the code that is executed.
# The `conda` directive of each rule names that software; it is the environment that snakemake itself runs in.
SHARED_CODE = (
    *(
        f"coders/{name}.py"
        for name in (
            "__init__",
            "base",
            "amortised",
            "divergences",
            "polygamma",
            "masks",
            "noise",
            "learned_prior",
        )
    ),
    *(
        f"networks/{name}.py"
        for name in ("__init__", "dictionary", "mlp", "convolutional")
    ),
    *(
        f"objectives/{name}.py"
        for name in ("__init__", "sampling", "loss", "divergence", "lasso")
    ),
    *(f"training/{name}.py" for name in ("loop", "optimizer", "checkpoint", "memory")),
    "data/batches.py",
    "linear.py",
    "model.py",
    "ramps.py",
)
# What a family is built from beside the file of its name.
FAMILY_CODE = {
    "fista": ("coders/map_solver.py", "coders/deep_fista.py"),
    "admm": ("coders/map_solver.py",),
    "lista": ("coders/map_solver.py", "coders/fista.py"),
}
# What a learned prior and a sampling rule have beside what all share.
PRIOR_CODE = {"vamp": ("coders/vamp.py",), "clf": ("coders/classifier_prior.py",)}
SAMPLING_CODE = {
    "iwae": ("objectives/iwae.py",),
    "iwae_published": ("objectives/published_iwae.py",),
    "rejection": ("objectives/rejection.py",),
}


def code(*paths):
    """Source files of the package: what a rule lists as input, so that it re-runs when one of them changes."""
    return [f"src/vscbench/{path}" for path in paths]


def dataset_source(wildcards):
    """The local file or folder that a data set is made from, where it is made from one."""
    source = config["datasets"][wildcards.dataset].get("source")
    return source if source and "://" not in source else []


def run_spec(wildcards):
    return configs.run_spec(
        config, wildcards.experiment, wildcards.method, int(wildcards.repetition)
    )


def dataset_file(experiment):
    """The prepared data of an experiment."""
    return f"{RESULTS}/data/{config['experiments'][experiment]['dataset']}.safetensors"


def runs_of(experiment, method):
    """The folders of all runs of a method in an experiment: its repetitions, at all points of a sweep."""
    return [
        f"{RESULTS}/runs/{'/'.join(map(str, run))}"
        for run in configs.runs(config)
        if (run[0], run[1].partition("@")[0]) == (experiment, method)
    ]


def training_code(wildcards):
    """The source files that the weights of a run depend on."""
    spec = run_spec(wildcards)
    coder = spec["coder"]
    threshold = (
        ("coders/threshold.py", "coders/gamma.py")
        if coder.get("threshold", "none") != "none"
        else ()
    )
    family = (f"coders/{coder['family']}.py", *FAMILY_CODE.get(coder["family"], ()))
    prior = PRIOR_CODE.get(coder.get("prior"), ())
    sampling = SAMPLING_CODE.get(spec["objective"]["sampling"], ())
    return code(*SHARED_CODE, *family, *threshold, *prior, *sampling)


def classifier(experiment):
    """The classifier whose features images are compared by, for experiments on images without Inception's weights."""
    setup = config["experiments"][experiment]
    weights = configs.evaluation_spec(config, experiment)["inception_weights"]
    if setup["generator"]["kind"] == "dictionary" or weights:
        return []
    return [f"{RESULTS}/features/{setup['dataset']}.safetensors"]
