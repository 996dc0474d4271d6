# The study, from data to figures. Rules are in workflow/rules, one file a stage; the study is config.yaml.
from snakemake.exceptions import WorkflowError

from vscbench import config as configs
from vscbench import preloading
from vscbench.errors import UserError


configfile: "config.yaml"


report: "workflow/report/study.rst"


try:
    configs.check(config)
except UserError as error:
    raise WorkflowError(str(error))

RESULTS = config["results"]
RUNS = [f"{RESULTS}/runs/{'/'.join(map(str, run))}" for run in configs.runs(config)]


wildcard_constraints:
    experiment="[a-z0-9_]+",
    # A method, and where something is swept its point: gaussian@latents=64.
    method="[a-z0-9_]+(@[^/]+)?",
    repetition=r"\d+",


onstart:
    preloading.start()


localrules:
    all,
    data,
    train,
    metrics,
    tables,
    figures,
    mlflow,


include: "workflow/rules/inputs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/assemble.smk"
include: "workflow/rules/track.smk"
include: "workflow/rules/studies.smk"


rule all:
    default_target: True
    input:
        rules.metrics.input,
        rules.tables.input,
        rules.figures.input,
        rules.track_runs.output,
