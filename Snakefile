# The study of config.yaml, or of --configfile, from data to figures. Rules are in workflow/rules, one file a stage.
import sys

from snakemake.logging import logger
from snakemake.utils import min_version

from vscbench import planning, preloading
from vscbench.closing import closing
from vscbench.errors import UserError
from vscbench.tracking import following

min_version("9.8")


report: "workflow/report/study.rst"


wildcard_constraints:
    dataset="[^/]+",
    experiment="[^/]+",
    variant="[^/]+",  # a method, and where something is swept its point, gaussian__latents-64: see study.json
    repetition="[0-9]+",
    table="[^/]+",
    figure="[^/]+",


include: "workflow/rules/inputs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/tune.smk"
include: "workflow/rules/track.smk"
include: "workflow/rules/experiments.smk"


onstart:
    try:
        PLAN.publish()
        PLAN.check_data(workflow.dag.needrun_jobs())
    except UserError as error:
        sys.exit(str(error))
    # Fewer jobs import less than what is imported here for all of them.
    if len(workflow.dag) > 4:
        preloading.start()
    if any(job.rule.name == "train_run" for job in workflow.dag.needrun_jobs()):
        following.start(PLAN.layout.config)


onsuccess:
    for line in closing(PLAN.layout):
        logger.info(line, extra={"shown": True})


rule all:
    default_target: True
    input:
        # Of each run too: what is made of all runs would stand for one that failed, or whose files are gone.
        run_files("weights.safetensors", "metrics.json"),
        rules.metrics.input,
        rules.tables.input,
        rules.figures.input,
        rules.track_runs.output,
        rules.write_front_page.output,
    localrule: True
