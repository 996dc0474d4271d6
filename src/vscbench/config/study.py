"""What a study may say: its own keys, and those of an experiment. Parts are checked by the classes that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PrivateAttr, model_validator

from vscbench import registry
from vscbench.config.protocols import DEFAULT, Protocol, said
from vscbench.config.tuning import Trials  # noqa: TC001  (a field's type)
from vscbench.files import VERSION
from vscbench.metrics.shared import Shared
from vscbench.settings import STRICT, Count, Density, Name, NonNegative, Positive, Seed, matching

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
MOST_RUNS = 100_000
"""Of a study: what is more is a slip, and is told at once."""
RESERVED = (
    "all data train metrics tables figures mlflow prepare_data train_run evaluate_run measure_baselines "
    "train_fid_classifier assemble_metrics make_table decide_claims rank_coders draw_figure "
    "write_front_page track_runs tune choose_constants study"
)
"""Rules of the workflow, and of the Snakefile of `vscbench init`: no names of experiments, which are targets too."""

Repetitions = Annotated[int, Field(ge=1, le=MOST_RUNS)]
Followed = Annotated[str | Protocol, BeforeValidator(said)]
"""A protocol of the package by its name, or the content of one; a file's is taken in where the study is read."""


def _folder(name: str) -> str:
    """`name`, if a workflow can write there."""
    if wrong := sorted(set(name) & set("{}\0\n\r")):
        raise ValueError(f"{name!r} is not allowed; the name of a folder is wanted, without {wrong[0]!r}")
    if name.startswith("-") or any(len(part.encode()) > 255 for part in Path(name).parts) or len(name) > 1000:  # noqa: PLR2004
        raise ValueError(
            f"{name[:80]!r} is not allowed; a folder's name begins with no - and has at most 255 characters"
        )
    return name


class Objective(BaseModel):
    """What is minimised: squared error + kl_weight · KL, by a rule for J draws."""

    model_config = STRICT

    sampling: str = "max_elbo"
    """The rule by which J draws make a loss."""
    samples: Count = 20
    """J, codes drawn per data point."""
    kl_weight: NonNegative = 0.01
    """Weight w of the divergence from the prior against the squared error of a pixel; or `noise_variance`."""
    noise_variance: Positive | None = None
    """s², the noise variance of a pixel, in units of standardised data: it says w = 2 s²/P for P pixels."""
    backward: Literal["selected", "all"] = "selected"
    """Whether the chosen draw alone is back-propagated, or all J, as published."""
    variance: Literal["fixed", "learned", "batch"] = "fixed"
    """Whether the noise variance s² = w P/2 is learned from there, or that of each batch."""

    @model_validator(mode="after")
    def _starts_somewhere(self) -> Objective:
        """Refuse to learn a variance that starts at zero."""
        if self.variance != "fixed" and self.kl_weight == 0:
            raise ValueError(f"variance: {self.variance} needs a kl_weight above 0, its start")
        return self


class Training(BaseModel):
    """How long and by which steps a run learns."""

    model_config = STRICT

    epochs: Count | None = None
    """Passes over the data; or `steps`."""
    steps: Count | None = 1600
    """Gradient steps; or `epochs`."""
    batch_size: Count = 100
    """B, data points a step."""
    flip: bool = False
    """Whether images are mirrored at random."""
    precision: Literal["single", "mixed"] = "single"
    """Mixed on a GPU; a CPU computes in single precision."""
    validation_penalty: Positive | None = None
    """ℓ₁ penalty at which the lasso objective is followed; the protocol's for a linear generator, else none."""
    optimizer: dict[str, Any] = {}
    """By its kind; the protocol's."""


class Evaluation(BaseModel):
    """What the metrics share."""

    model_config = STRICT | {"extra": "allow"}

    samples: Count = Shared.samples
    """J of what is measured of the best draw."""
    penalties: Annotated[tuple[Positive, ...], Field(min_length=1)] = Shared.penalties
    """ℓ₁ penalties of the lasso objectives."""
    split: Literal["test", "validation"] = Shared.split
    """The data that are measured on."""


class Experiment(BaseModel):
    """Methods on a data set."""

    model_config = STRICT

    dataset: str
    """A name under `datasets`."""
    methods: Annotated[list[str], Field(min_length=1)]
    """Methods of the package, or names under `methods`."""
    protocol: Followed | None = None
    """What lies under the parts below, instead of the study's protocol: strong, paper, or the path of a YAML file."""
    overrides: dict[str, dict[str, Any]] = {}
    """What differs here, by method."""
    differs_from: str | None = None
    """An experiment of the same methods and data that this one changes a part of: the table and figure `parts`."""
    repetitions: Repetitions | None = None
    """Runs of each method, instead of the study's."""
    density: Density | Annotated[list[Density], Field(min_length=1)] | None = None
    """Non-zeros under the priors of the sparse methods: sets thresholds and spikes."""
    generator: dict[str, Any] = {}
    """What decodes: by its kind; a dictionary for vectors, mlp for images, of 128 latents."""
    encoder: dict[str, Any] = {}
    """What encodes: by its kind; the protocol's."""
    objective: dict[str, Any] = {}
    """What is minimised."""
    training: dict[str, Any] = {}
    """How it is minimised."""
    evaluation: dict[str, Any] = {}
    """`samples`, `penalties`, and the settings of metrics by name; false leaves one out."""
    trials: Trials | None = None
    """Of each method, to choose its constants by: what `snakemake tune` runs."""


class Study(BaseModel):
    """A study: methods in experiments on data sets."""

    model_config = STRICT

    version: Literal[2] = 2
    """Of the form of this file."""
    study: Name = "study"
    """Its name, a tag of its runs."""
    results: Annotated[str, Field(min_length=1), AfterValidator(_folder)] = "results"
    """Folder that everything is written to."""
    tracking: str | None = None
    """MLflow store: an address, or null for <results>/mlflow."""
    seed: Seed = 0
    """What the seeds of all runs derive from."""
    repetitions: Repetitions = 1
    """Runs of each method, each with a seed of its own."""
    protocol: Followed = DEFAULT
    """What lies under all that experiments say: strong, paper, or the path of a YAML file. Who names another `kind` of
    encoder or optimizer than it has replaces the whole part."""
    device: Annotated[str, matching(r"^(auto|cpu|cuda(:[0-9]{1,3})?|mps)$", "auto, cpu, cuda, cuda:N or mps", 8)] = (
        "auto"
    )
    """Where runs are trained; auto takes a GPU where there is one."""
    checkpoint_seconds: NonNegative = 60
    """Seconds between two checkpoints of a training."""
    plugins: str | None = None
    """Folder with modules of your own, beside this file; `plugins` where there is one."""
    datasets: dict[Name, dict[str, Any]]
    """Data sets by name, each by its kind."""
    experiments: Annotated[dict[Name, Experiment], Field(min_length=1)]
    """Experiments by name."""
    methods: dict[Name, dict[str, Any]] = {}
    """Methods beside the package's, or what differs from those."""

    _made: dict[tuple[str, ...], Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _not_deleted(cls, content: Any) -> Any:
        """Refuse to switch off what is not there."""
        groups = ("experiments", "datasets", "methods")
        for group in groups if isinstance(content, dict) else ():
            entries = content.get(group) if isinstance(content.get(group), dict) else {}
            for name in [name for name, entry in entries.items() if entry is None]:
                known = [other for other in entries if entries[other] is not None]
                raise ValueError(
                    f"{group}.{name}: null deletes what a file before it has{registry.nearest(name, known)}"
                )
        return content

    def once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What `make` makes, made once for this study."""
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found

    def as_dict(self) -> dict[str, Any]:
        """The merged configuration as it was said, with the version: the content of results/config.yaml."""
        return {"version": VERSION, **self.model_dump(mode="json", exclude_unset=True)}

    def to_yaml(self) -> str:
        """The same as text that `load` reads."""
        import yaml

        from vscbench.config.reading import Dumper

        return yaml.dump(self.as_dict(), Dumper=Dumper, sort_keys=False, allow_unicode=True)
