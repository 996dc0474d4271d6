"""The tables of a study: what each says, and its columns. The workflow reads them too: nothing dear is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    header: str
    """What stands above it."""
    metric: str
    """The metric of metrics.csv that is shown."""
    published: str | None = None
    """The metric of published_results.csv that stands beside it."""
    samples: int = 20
    """J of the published number."""
    null: str | None = None
    """The metric that chance gives, in parentheses behind it: that of a correlation, whose sign is shown."""
    paired: bool = False
    """Whether it compares repetitions with each other: numbers that share their pairs have no spread to show."""


class Table(NamedTuple):
    """A table: what it says, and its columns."""

    caption: str
    columns: tuple[Column, ...]
    baselines: bool = False
    """Whether the reference codes have rows."""
    needs: tuple[str, ...] = ()
    """Metrics of which an experiment must have one to be in it; without them one of its columns."""
    sweeps: bool = False
    """Whether a table shows all points of an experiment's sweep, and no linear generator without one."""
    labels: bool = False
    """Whether it has a column for each label of the data, and methods as columns, labels as rows on the page."""
    frontiers: bool = False
    """Whether its rows are methods along their operating points, a block for each frontier."""


TABLES: dict[str, Table] = {
    "table1": Table(
        "The paper's metrics as its authors define them, on best-of-J codes. Most mislead: the all-zero code beats "
        "most methods on the lasso objective; multi-information is a sum of marginal entropies less a constant (see "
        "its null in the honest table); coefficient collapse flags healthy units of sparse codes.",
        (
            Column("Lasso objective λ=20", "lasso20_best", "lasso_objective_lambda20"),
            Column("Lasso objective λ=8", "lasso8_best", "lasso_objective_lambda8"),
            Column("Multi-information (bits)", "multi_information", "multi_information_plugin_bits"),
            Column("Posterior collapse (%)", "posterior_collapse"),
            Column("Coefficient collapse (%)", "coefficient_collapse"),
        ),
        baselines=True,
        needs=("lasso20_best", "lasso8_best"),
    ),
    "honest": Table(
        "The same runs, measured so that numbers compare: squared error of one draw (J=1), of the posterior mean and "
        "of the best of J, an oracle; density of one draw; what the encoder loses against FISTA on the same "
        "dictionary; multi-information less that of codes shuffled per latent; Jaccard index of the supports of two "
        "draws, and that of draws of different data (null); evidence bounds under the noise that the training loss "
        "implies, of one draw and of 100; matched |cos| of the dictionaries of two seeds, and with pixels in another "
        "order (null).",
        (
            Column("MSE J=1", "mse_draw"),
            Column("MSE mean", "mse_mean"),
            Column("MSE best of J", "mse_best"),
            Column("Density", "density"),
            Column("Hoyer", "hoyer"),
            Column("Gini", "gini"),
            Column("Lasso gap λ=20", "lasso20_gap"),
            Column("MI excess (bits)", "multi_information_excess"),
            Column("Jaccard", "jaccard_draw"),
            Column("Jaccard null", "jaccard_null"),
            Column("Dead units (%)", "dead_units"),
            Column("Active units (%)", "active_units"),
            Column("Bound (nats)", "elbo"),
            Column("IWAE-100 (nats)", "iwae_100"),
            Column("Dictionary across seeds", "dictionary_agreement", paired=True),
            Column("Its null", "dictionary_agreement_null", paired=True),
        ),
        baselines=True,
    ),
    "gradients_inference": Table(
        "Noise of the inference network's gradients over passes on a fixed batch at the end of training. SNR is "
        "|mean|/std, median over parameters; null is what pure noise would show at this number of passes; unbiased is "
        "√(‖E g‖²/E‖g - E g‖²), freed of that bias. As published is a mean over parameters with an epsilon: at their "
        "1,000 passes pure noise scores 0.025.",
        (
            Column("SNR J=1", "gradient_snr_inference_j1"),
            Column("SNR J=20", "gradient_snr_inference_j20"),
            Column("Null", "gradient_snr_null_inference_j1"),
            Column("Unbiased J=1", "gradient_snr_unbiased_inference_j1"),
            Column("Unbiased J=20", "gradient_snr_unbiased_inference_j20"),
            Column("Variance J=1", "gradient_variance_inference_j1"),
            Column("Variance J=20", "gradient_variance_inference_j20"),
            Column("As published J=1", "gradient_snr_published_inference_j1", "gradient_snr_inference", 1),
            Column("As published J=20", "gradient_snr_published_inference_j20", "gradient_snr_inference", 20),
        ),
    ),
    "gradients_generator": Table(
        "The same of the dictionary's gradients. The published values, in the tens of thousands, are no ratio of this "
        "kind (an epsilon of 1e-9 after a division by two million) and are quoted for the record.",
        (
            Column("SNR J=1", "gradient_snr_generator_j1"),
            Column("SNR J=20", "gradient_snr_generator_j20"),
            Column("Null", "gradient_snr_null_generator_j1"),
            Column("Unbiased J=1", "gradient_snr_unbiased_generator_j1"),
            Column("Unbiased J=20", "gradient_snr_unbiased_generator_j20"),
            Column("Variance J=1", "gradient_variance_generator_j1"),
            Column("Variance J=20", "gradient_variance_generator_j20"),
            Column("As published J=1", "gradient_snr_published_generator_j1", "gradient_snr_generator", 1),
            Column("As published J=20", "gradient_snr_published_generator_j20", "gradient_snr_generator", 20),
        ),
    ),
    "recovery": Table(
        "Recovery of the dictionary that made-up data were made from. Matched |cos|: mean over the true atoms, each "
        "with the learnt one that the best pairing gives it; found: those above 0.9. Precision, recall and F1 of the "
        "support of one draw (J=1), and F1 of the best of J, an oracle, against the true codes; F1 FISTA, true atoms: "
        "what the lasso reaches on the true dictionary at its best penalty. Amplitude bias: slope of the codes on the "
        "true ones less 1, over true positives. Calibration: expected calibration error of the posterior's "
        "probability that a code is non-zero.",
        (
            Column("Matched absolute cos", "recovery_cosine"),
            Column("Atoms found (%)", "recovery_atoms"),
            Column("Precision", "recovery_precision"),
            Column("Recall", "recovery_recall"),
            Column("F1", "recovery_f1"),
            Column("F1 best of J", "recovery_f1_best"),
            Column("F1 FISTA, true atoms", "recovery_f1_oracle"),
            Column("Amplitude bias", "recovery_amplitude_bias"),
            Column("Calibration", "recovery_calibration"),
        ),
        needs=("recovery_cosine",),
    ),
    "resources": Table(
        "What the training of one run took: wall-clock time and largest memory of the process (of the GPU's allocator "
        "on a GPU). The only numbers of the study that differ when it is run again.",
        (Column("Training (s)", "train_seconds"), Column("Peak memory (MB)", "peak_memory_mb")),
    ),
    "sweeps": Table(
        "Every point of the experiments that sweep a setting, and the deep generators that sweep none. Squared error "
        "of the best of J, an oracle, of one draw (J=1) and of the posterior mean; density of one draw; "
        "multi-information and what it exceeds that of codes shuffled per latent by; evidence bounds under the noise "
        "that the training loss implies; SNR of the inference network's gradients, freed of its bias; FID and KID of "
        "reconstructions (best of J) and of samples from the prior, by the features of the network named: those of "
        "the classifier of our own compare with no FID elsewhere. A published number stands beside a run of the same "
        "latents and density.",
        (
            Column("MSE best of J", "mse_best", "mse_per_pixel"),
            Column("MSE J=1", "mse_draw"),
            Column("MSE mean", "mse_mean"),
            Column("Density", "density"),
            Column("Multi-information (bits)", "multi_information", "multi_information_plugin_bits"),
            Column("MI excess (bits)", "multi_information_excess"),
            Column("Bound (nats)", "elbo"),
            Column("IWAE-20 (nats)", "iwae_20"),
            Column("Gradient SNR J=20", "gradient_snr_unbiased_inference_j20"),
            Column("Jaccard", "jaccard_draw"),
            Column("Jaccard null", "jaccard_null"),
            Column("Dead units (%)", "dead_units"),
            *(
                Column(f"{score} {shown} ({network})", f"{score.lower()}_{network}_{codes}")
                for network in ("classifier", "inception")
                for score, codes, shown in (
                    ("FID", "best", "best of J"),
                    ("FID", "prior", "prior"),
                    ("KID", "best", "best of J"),
                )
            ),
        ),
        needs=("mse_best",),
        sweeps=True,
    ),
    "attributes": Table(
        "Point-biserial correlation of each label with its best latent, with its sign; in parentheses the 95 % "
        "quantile of the largest |r| over all latents with the labels permuted. The prior leaves the sign of a latent "
        "free: where repetitions disagree on it, |r| stands without. Found is a label whose best latent exceeds the "
        "null, is the best of no other label, and has that label as its own best. Probe: linear classifiers on the "
        "mean codes, mean over labels.",
        (
            Column("Mean absolute r", "attribute_r_mean"),
            Column("Labels found", "attributes_found"),
            Column("Probe AUC", "probe_auc"),
            Column("Probe balanced accuracy", "probe_accuracy"),
        ),
        labels=True,
    ),
    "matched_density": Table(
        "Reconstruction at equal density, L0 as a fraction of the latents. A method has an operating point for each "
        "value of its knob (density of the prior, KL weight, penalty); its frontier is the best value at no more than "
        "a density, linear in log density between the points and never beyond them: a dash stands where a method has "
        "no codes that dense. FVE is the fraction of variance explained by one posterior draw (J=1), MSE its squared "
        "error per pixel; best of J is an oracle that looks at the data, at the density of its codes. Area is the mean "
        "of the frontier over log density, where all methods that span a range have one. Highest FVE is that of the "
        "best operating point, whatever its density. FVE less FISTA's is a mean over log density where both overlap, "
        "in brackets its 95 % bootstrap interval over repetitions: of few it is too narrow, of one there is none.",
        (),
        frontiers=True,
    ),
}
