"""What the Snakefile asks: the study, and all that each of its jobs depends on.

Snakemake merges configurations in a way of its own, in which no key can be taken back; here the files and values of its
command line are merged by `vscbench.config` instead. What a job depends on beside its files is given to Snakemake as
text that is the same whatever the order of keys in a file, so that an overlay that changes nothing plans nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import yaml

from vscbench import config as configs
from vscbench import provenance, registry
from vscbench.config.reading import Loader
from vscbench.errors import UserError
from vscbench.files import write_text
from vscbench.layout import Layout
from vscbench.reporting.needs import several_coders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TEMPLATE = Path(__file__).parent / "template"
"""The workflow, its configurations and profiles, as they lie at the root of the repository."""
SNAKEFILE = TEMPLATE / "Snakefile"


def of_workflow(workflow: Any, config: Mapping[str, Any]) -> Plan:
    """The plan of the study that Snakemake's command line names, else config.yaml, else the one of the package.

    Args:
        workflow: Snakemake's object of this name.
        config: of a workflow that uses this one as a `module`, what it gives as `config:`; it is the study then.

    Raises:
        UserError: the study is not valid, or its results are not of this workflow.
    """
    if workflow.modifier.skip_configfile:
        plan = Plan(configs.check(config))
        plan.publish()  # the hooks of a module do not run
    else:
        given = workflow.config_settings
        files = list(given.configfiles) or [Path("config.yaml")]
        if files == [Path("config.yaml")] and not files[0].is_file():
            files = [TEMPLATE / "config.yaml"]
        plan = Plan(configs.load(files, typed(dict(given.config))))
    if workflow.is_main_process:
        plan.layout.forget_failed_tracking()
    return plan


def prefix() -> str:
    """What goes before the commands of jobs, for them to find this package, and without conda this interpreter.

    It takes the place of Snakemake's own prefix, by which a job whose output goes through a pipe can fail.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    folder = quote(str(Path(__file__).parents[1])).replace("{", "{{").replace("}", "}}")
    return f'set -euo pipefail; export PYTHONPATH={folder}"${{{{PYTHONPATH:+:$PYTHONPATH}}}}"; '


def typed(value: Any) -> Any:
    """A value of `--config`, whose parts Snakemake reads as text, as YAML means it.

    Example:
        >>> typed({"test": "4000", "flip": "true", "images": ["camera"]})
        {'test': 4000, 'flip': True, 'images': ['camera']}
    """
    if isinstance(value, dict):
        return {key: typed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [typed(part) for part in value]
    try:
        return yaml.load(value, Loader) if isinstance(value, str) else value  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError:
        return value


def text(value: Any) -> str:
    """A value as JSON with sorted keys."""
    return json.dumps(value, sort_keys=True)


class Plan:
    """A study as jobs: its runs by name, and all that each job depends on beside its files, as text.

    Raises:
        UserError: the folder of results holds runs that the workflow did not make.
    """

    def __init__(self, study: configs.Study) -> None:
        self.study, self.layout = study, Layout.of(study)
        self.runs = {run.name: run for run in configs.runs(study)}
        self._specs: dict[str, dict[str, Any]] = {}
        self._names: dict[str, list[str]] = {}
        for name, run in self.runs.items():
            self._names.setdefault(run.experiment, []).append(name)
        if (self.layout.results / "runs").is_dir() and not self.layout.config.is_file():
            raise UserError(
                f"{study.results} holds runs that this workflow did not make, by hand or of an older version: delete "
                "it, or name other results"
            )
        from vscbench.data.prepared import made_from  # imports numpy, which a command does without

        # Snakemake would go on with data that are there, whatever they were made from, if what makes them is not.
        wanted = ((name, self.layout.data(name)) for name in self.datasets())
        configs.check_files(
            study, [name for name, path in wanted if not made_from(path, configs.dataset_spec(study, name))]
        )

    def publish(self) -> None:
        """Write the merged configuration, which jobs read, unless it is there.

        Raises:
            UserError: the folder of the results cannot be written.
        """
        content = self.study.to_yaml()
        if not self.layout.config.is_file() or self.layout.config.read_text(encoding="utf-8") != content:
            try:
                write_text(self.layout.config, content)
            except OSError as error:
                raise UserError(f"results: {self.study.results} cannot be written ({error.strerror})") from None

    # ------------------------------------------------------------------------ names

    def names(self, experiment: str | None = None) -> list[str]:
        """The names of all runs, or of those of an experiment."""
        return list(self.runs) if experiment is None else self._names[experiment]

    def datasets(self, experiment: str | None = None, repetition: int | None = None) -> list[str]:
        """The data sets of all runs, or of those of an experiment, or of a repetition; a fold is one by itself."""
        if experiment is None:
            return list(dict.fromkeys(name for each in self._names for name in self.datasets(each)))
        if repetition is None:
            return list(dict.fromkeys(configs.data_of_repetitions(self.study, experiment)))
        return [configs.dataset_of(self.study, experiment, repetition)]

    @cached_property
    def index(self) -> dict[str, Any]:
        """The content of results/study.json."""
        return configs.index(self.study)

    @property
    def index_key(self) -> str:
        """A fingerprint of the index."""
        return f"index {hashlib.sha256(text(self.index).encode()).hexdigest()[:16]}"

    def check_data(self, jobs: Iterable[Any]) -> None:
        """Look whether the data that some of Snakemake's `jobs` will read are there, before any of them runs.

        Raises:
            UserError: they are not, or are not what they should be.
        """
        configs.check_data(self.study, [job.wildcards.dataset for job in jobs if job.rule.name == "prepare_data"])

    # --------------------------------------------------------------- what jobs depend on

    def spec(self, run: str) -> dict[str, Any]:
        """The specification of a run."""
        if run not in self._specs:
            self._specs[run] = configs.run_spec(self.study, self.runs[run])
        return self._specs[run]

    def section(self, run: str, name: str) -> str:
        """A section of the specification of a run."""
        return f"{name} {text(self.spec(run)[name])}"

    def dataset_spec(self, dataset: str) -> str:
        """The specification of a data set."""
        return text(configs.dataset_spec(self.study, dataset))

    def source_files(self, dataset: str) -> list[str]:
        """The files of this machine that a data set is made from."""
        return [str(path) for path in configs.source(self.study, dataset).files]

    def evaluation(self, experiment: str) -> str:
        """What the metrics of an experiment are computed with."""
        return text(configs.evaluation(self.study, experiment))

    def code(self, command: str, *parts: str) -> str:
        """A fingerprint of the code of a command, and of the parts that stand at the given addresses."""
        return f"code {provenance.fingerprint(f'vscbench.commands:{command}', *parts)}"

    def run_code(self, command: str, run: str) -> str:
        """A fingerprint of the code of a command on a run."""
        metrics = configs.parts.names("metric").values() if command == "evaluate" else ()
        return self.code(command, *configs.addresses(self.spec(run)), *metrics)

    def data_code(self, dataset: str) -> str:
        """A fingerprint of the code that prepares a data set."""
        return self.code("data", configs.parts.address("dataset", configs.dataset_spec(self.study, dataset)["kind"]))

    def classifiers(self, experiment: str, repetition: int) -> list[str]:
        """The classifier whose features images are compared by, where an experiment asks for it."""
        generation = configs.evaluation(self.study, experiment).get("generation")
        other = generation is False or (isinstance(generation, dict) and generation.get("inception_weights"))
        if other or self.index["experiments"][experiment]["linear"]:
            return []
        return [str(self.layout.classifier(configs.dataset_of(self.study, experiment, repetition)))]

    @property
    def linear(self) -> list[str]:
        """The experiments with a linear generator, for which there are codes that learn nothing."""
        return [name for name, setup in self.index["experiments"].items() if setup["linear"]]

    def baseline(self, experiment: str) -> str:
        """What the codes that learn nothing depend on beside the data."""
        setup = self.index["experiments"][experiment]
        names = configs.data_of_repetitions(self.study, experiment)
        split = setup["evaluation"]["split"]
        more = [*(names if len(set(names)) > 1 else []), *([split] if split != "test" else [])]
        return text([setup["latents"], setup["evaluation"]["penalties"], *more])

    def outputs(self, kind: str) -> list[str]:
        """The tables, or figures, that the study has something for."""
        from vscbench import reporting

        available = reporting.available_outputs(self.index)
        return [name for name in available if f"{kind}s" in self._output(name).partition(":")[0].split(".")]

    @property
    def compares(self) -> bool:
        """Whether the study has coders to compare on a leaderboard."""
        return several_coders(self.index)

    def title(self, output: str) -> str:
        """What stands above a table or figure."""
        return str(registry.load(self._output(output)).title)

    def caption(self, output: str) -> str:
        """What stands below a table or figure."""
        return str(registry.load(self._output(output)).caption)

    def output_code(self, kind: str, output: str) -> str:
        """A fingerprint of the code of a table or figure."""
        return self.code(kind, self._output(output))

    @staticmethod
    def _output(name: str) -> str:
        from vscbench import reporting

        return registry.address(reporting.OUTPUTS, name, "table or figure")
