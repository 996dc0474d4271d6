"""How codes are inferred: one file a family, and thresholds, which compose with a symmetric base.

A family is a `Posterior`, whose parameters an encoder amortises, or a `Coder`. It is registered by its line in
`FAMILIES`; one of the user's own is named `module:Class`.
"""

from vscbench.coders.coder import Coder
from vscbench.coders.distribution import Distribution
from vscbench.coders.posterior import Base, Draw, Noise, Params, Posterior, Transport

__all__ = [
    "DISTANCES",
    "FAMILIES",
    "PRIORS",
    "REFINEMENTS",
    "THRESHOLDS",
    "Base",
    "Coder",
    "Distribution",
    "Draw",
    "Noise",
    "Params",
    "Posterior",
    "Transport",
]

FAMILIES = {
    "gaussian": "vscbench.coders.gaussian:Gaussian",
    "laplacian": "vscbench.coders.laplacian:Laplacian",
    "spike_slab": "vscbench.coders.spike_slab:SpikeSlab",
    "spike_slab_gates": "vscbench.coders.gate_gradients:SpikeSlabGates",
    "rectified_gaussian": "vscbench.coders.rectified_gaussian:RectifiedGaussian",
    "vaease": "vscbench.coders.vaease:Vaease",
    "hard_concrete": "vscbench.coders.hard_concrete:HardConcrete",
    "poisson": "vscbench.coders.poisson:Poisson",
    "entropy_bound": "vscbench.coders.entropy_bound:EntropyBound",
    "fista": "vscbench.coders.fista:Fista",
    "admm": "vscbench.coders.admm:Admm",
    "lista": "vscbench.coders.lista:Lista",
    "alista": "vscbench.coders.alista:Alista",
    "lca": "vscbench.coders.lca:Lca",
    "omp": "vscbench.coders.omp:Omp",
    "langevin": "vscbench.coders.langevin:Langevin",
    "topk": "vscbench.coders.topk:TopK",
    "batch_topk": "vscbench.coders.batch_topk:BatchTopK",
    "relu": "vscbench.coders.relu:Relu",
    "jumprelu": "vscbench.coders.jumprelu:JumpRelu",
    "gated": "vscbench.coders.gated:Gated",
}
"""Where each family stands."""
THRESHOLDS = {
    "fixed": "vscbench.coders.threshold:FixedThreshold",
    "gamma": "vscbench.coders.threshold:GammaThreshold",
    "sample": "vscbench.coders.sample_threshold:SampleThreshold",
    "sample_gamma": "vscbench.coders.sample_threshold:GammaSampleThreshold",
}
"""Where each kind of threshold stands."""
PRIORS = {
    "vamp": "vscbench.coders.vamp:VampPrior",
    "classifier": "vscbench.coders.classifier_prior:ClassifierPrior",
}
"""Where each learned prior stands; a family has one of its own."""
DISTANCES = {
    "mmd": "vscbench.coders.distances:MaximumMeanDiscrepancy",
    "sliced_wasserstein": "vscbench.coders.distances:SlicedWasserstein",
}
"""Where each distance of codes from the prior stands, that takes the place of a divergence."""
REFINEMENTS = {"gradient": "vscbench.coders.refinement:Refinement"}
"""Where each refinement of the encoder's answer stands."""
