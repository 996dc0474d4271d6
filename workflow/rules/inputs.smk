# The study, and what its jobs depend on.
try:
    PLAN = planning.of_workflow(workflow, config)
except UserError as error:
    # Of an exception Snakemake would show where in this file it was raised.
    sys.exit(str(error))

# Jobs run this package, in a conda environment too, which has but what the package needs.
shell.prefix(planning.prefix())

RESULTS = str(PLAN.layout.results)
CONFIG = str(PLAN.layout.config)


def run_name(wildcards):
    return f"{wildcards.experiment}/{wildcards.variant}/{wildcards.repetition}"


def run_files(*files, experiment=None):
    """Files of every run, or of those of an experiment."""
    return [
        f"{RESULTS}/runs/{run}/{file}"
        for run in PLAN.names(experiment)
        for file in files
    ]


def prepared_data(wildcards):
    """The data of a run, or of all repetitions of an experiment."""
    repetition = wildcards.get("repetition")
    names = PLAN.datasets(wildcards.experiment, repetition and int(repetition))
    return [f"{RESULTS}/data/{name}.safetensors" for name in names]


def section(name):
    """A section of a run's specification; told apart, so that the reason of a job shows the one that has changed."""
    return lambda wildcards: PLAN.section(run_name(wildcards), name)


def trials_of(_):
    """What `tune` makes of the trials of the study."""
    if "trials" not in PLAN.outputs("table"):
        sys.exit(
            "no experiment of this study has trials; `make tune`, or `snakemake tune --configfile config/tuning.yaml`, "
            "tries the methods of the default study"
        )
    names = ("chosen.yaml", "tables/trials.html", "figures/tuning.png")
    return [f"{RESULTS}/{name}" for name in names]
