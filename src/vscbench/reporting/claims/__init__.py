"""The paper's claims, put to the test by the runs of a study.

What a claim is stands in `claim`, the twelve in `twelve`, how methods compare in `compare`, what is decided in `judge`.
"""
