"""Variational sparse coding with learned thresholding: a benchmark of posteriors over sparse codes.

Nothing is imported here: the workflow reads configurations without paying for torch.
"""
