# The study of config.yaml, or of --configfile, from data to figures. Rules are in workflow/rules, one file a stage.
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from vscbench import planning, preloading
from vscbench.errors import UserError

min_version("9.8")


report: "workflow/report/study.rst"


include: "workflow/rules/inputs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/track.smk"
include: "workflow/rules/experiments.smk"


localrules:
    all,
    data,
    train,
    metrics,
    tables,
    figures,


onstart:
    PLAN.publish()
    # For fewer jobs the imports that it saves are not worth those that it makes.
    if len(workflow.dag) > 4:
        preloading.start()


rule all:
    default_target: True
    input:
        rules.metrics.input,
        rules.tables.input,
        rules.figures.input,
        rules.track_runs.output,
