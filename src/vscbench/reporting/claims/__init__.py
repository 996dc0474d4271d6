"""The paper's twelve claims (docs/reproduction.md), decided from metrics.csv.

A claim is registered by its line in `CLAIMS`: what measures it stands in `evidence`, how it is decided in `verdicts`.
"""

from functools import partial

from vscbench.reporting.claims.comparisons import AS_WELL_PERCENT, WORTH_BITS, nats_higher, percent_lower
from vscbench.reporting.claims.evidence import (
    EXACT,
    agreeing_supports,
    as_well,
    best_density,
    better_threshold,
    correlated_latents,
    crossing,
    exact_distribution,
    fewer_dependences,
    fista_lowest,
    learned_lower,
    less_noise,
    lower_lasso,
    lower_with_samples,
    nearer_frontier,
    own_latents,
    steadier_estimator,
    together,
)
from vscbench.reporting.claims.verdicts import Claim

CLAIMS = (
    Claim(
        1,
        "Thresholded Laplacian samples are spike-and-slab distributed.",
        f"The largest distance between the distribution functions of draws and of γ Laplace(μ, b) + (1-γ) δ₀ is below "
        f"{EXACT:g}.",
        exact_distribution,
        "threshold",
        "all",
        published="a proof",
    ),
    Claim(
        2,
        "Thresholded posteriors reach a lower objective than dense ones and than the concrete spike-and-slab.",
        "At equal density of one draw they explain more variance than the spike-and-slab "
        "(dense codes have none to match).",
        nearer_frontier,
        "frontier",
        "matched_density",
        lower_lasso,
        "lasso objective at λ = 20 of the best of J draws",
        "λ = 8: 135.8 and 150.9 against 161.9 (spike-and-slab), 281.4 and 584.0 (dense); with Gamma 172.1 and 256.0",
    ),
    Claim(
        3,
        "FISTA reaches the lowest objective.",
        "Its lasso objective at λ = 20 is below that of the best of J draws of every posterior.",
        fista_lowest,
        "reconstruction_density",
        "all",
        published="λ = 8: 64.86 against 135.8 at best",
    ),
    Claim(
        4,
        "Sparse posteriors are statistically more efficient: less multi-information.",
        f"What multi-information exceeds that of codes shuffled per latent by is lower than for dense posteriors, by "
        f"at least {WORTH_BITS:g} bits.",
        partial(fewer_dependences, "multi_information_excess"),
        "reconstruction_density",
        "all",
        partial(fewer_dependences, "multi_information"),
        "multi-information, plug-in",
        "167.5 to 176.0 bits against 537.1 and 735.0; with Gamma 381.9 and 470.1",
    ),
    Claim(
        5,
        "Thresholded posteriors have a better gradient SNR than the concrete spike-and-slab.",
        "Freed of the bias of its estimate it is higher, of inference network and generator, at J = 1 and 20.",
        partial(less_noise, "gradient_snr_unbiased"),
        "gradient_snr",
        "all",
        partial(less_noise, "gradient_snr_published"),
        "mean over parameters of |mean|/(std + 1e-9)",
        "2.9 times (inference) and 1.43 (generator) at J = 1, 2.3 and 1.02 at J = 20",
    ),
    Claim(
        6,
        "The straight-through estimator is more stable than the sub-gradient.",
        "Training by it ends at a higher bound, and its gradients have a higher SNR (J = 20).",
        steadier_estimator,
        "ablation",
        "ablation_estimator",
    ),
    Claim(
        7,
        "Max-ELBO sampling makes supports agree more across draws, and lowers the loss as J grows.",
        "The Jaccard index of two draws, less that of draws of different data, is higher than under averaging; the "
        "bound of a single draw is higher at the largest J than at 1.",
        together(partial(agreeing_supports, "jaccard_draw"), partial(lower_with_samples, "elbo", nats_higher)),
        "ablation",
        "ablation_sampling",
        together(
            partial(agreeing_supports, "jaccard_best"), partial(lower_with_samples, "lasso20_best", percent_lower)
        ),
        "Jaccard index of best-of-J draws; lasso objective of the best of J draws",
        "λ = 20: 194.3 at J = 20, 190.7 at J = 100; the index in a figure alone",
    ),
    Claim(
        8,
        "A Gamma-learned threshold adapts and improves over a fixed one.",
        "At equal density of one draw it explains more variance.",
        better_threshold,
        "frontier",
        "matched_density",
        learned_lower,
        "lasso objective at λ = 20 of the best of J draws",
        "λ = 8: 172.1 against 135.8 (Laplacian), 256.0 against 150.9 (Gaussian): worse",
    ),
    Claim(
        9,
        "With growing latent size the Gaussian gets worse and the thresholded Gaussian better.",
        "The squared error of one draw rises for the one and falls for the other.",
        partial(crossing, "mse_draw"),
        "sweeps",
        "latent_sizes",
        partial(crossing, "mse_best"),
        "squared error of the best of J draws",
        "Fashion-MNIST, 20 to 256 latents: 0.0279 to 0.0295, and 0.0291 to 0.0230",
    ),
    Claim(
        10,
        "Sparse codes reconstruct as well as a dense VAE.",
        f"The squared error of one draw is at most {AS_WELL_PERCENT:g} % above that of the dense Gaussian, of every "
        "sparse method that the study has, at the largest code.",
        partial(as_well, "mse_draw"),
        "sweeps",
        "all",
        partial(as_well, "mse_best"),
        "squared error of the best of J draws",
        "CelebA, 2,048 latents: 0.0152 (thresholded Gaussian), 0.0220 (thresholded Laplacian), 0.0205 (dense)",
    ),
    Claim(
        11,
        "There is a best density: 20 % thresholded Gaussian, 10 to 20 % spike-and-slab, 50 % Laplacian and Gamma.",
        "The squared error of one draw is lower there than at every other density.",
        partial(best_density, "mse_draw"),
        "sweeps",
        "fashion_mnist_mlp",
        partial(best_density, "mse_best"),
        "squared error of the best of J draws",
        "Fashion-MNIST, 64 latents: 0.0235 at 20 % (thresholded Gaussian), 0.0290 at 10 % (spike-and-slab)",
    ),
    Claim(
        12,
        "Sparse latents align with single attributes.",
        "More attributes have a latent of their own, beyond chance, than under the dense Gaussian.",
        own_latents,
        "attributes",
        "faces",
        correlated_latents,
        "|r| of the best latent, mean over attributes",
        "a picture alone, which hides negative correlations",
    ),
)
