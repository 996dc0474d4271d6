"""Which sparse coder should I use? Coders side by side at equal density, with ranks and what cannot be told apart.

What is compared stands in `columns`, the numbers in `board`, ranks in `ranking`, the answer in `advice`, the page in
`page`.
"""
