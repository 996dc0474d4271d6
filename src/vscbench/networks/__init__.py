"""What turns codes into data (generators), and what turns data into features (encoders).

A kind is registered by its line in `GENERATORS` or `ENCODERS`: a class that is built from the shape of the data and
from its part of the configuration. A generator says `linear`, has `latents` and `candidates_at_once`; an encoder has
`features`.
"""

__all__ = ["ENCODERS", "GENERATORS"]

GENERATORS = {
    "dictionary": "vscbench.networks.dictionary:Dictionary",
    "mlp": "vscbench.networks.mlp:MLPGenerator",
    "convolutional": "vscbench.networks.convolutional:ConvolutionalGenerator",
}
"""Where each kind of generator stands."""
ENCODERS = {
    "mlp": "vscbench.networks.mlp:MLP",
    "linear_plus": "vscbench.networks.linear_plus:LinearPlus",
    "convolutional": "vscbench.networks.convolutional:ConvolutionalEncoder",
    "resnet18": "vscbench.networks.resnet:ResNet18",
}
"""Where each kind of encoder stands."""
