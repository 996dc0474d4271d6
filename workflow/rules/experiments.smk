# A target for each experiment of the study: its runs and their metrics, without those of the others.
for experiment in PLAN.study.experiments:

    rule:
        name:
            experiment
        input:
            run_files("metrics.json", experiment=experiment),
        localrule: True
