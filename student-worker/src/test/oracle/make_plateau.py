"""How often PyTorch's ReduceLROnPlateau has lowered the rate after each epoch, for LossPlateauTest.

    python3 make_plateau.py

Needs PyTorch (made with 1.13). Prints a line per patience.
"""

import math

import torch

LOSSES = [2.0, 1.5, 1.2, 1.1999, 1.25, 1.3, 1.1, 1.0999, 1.2, 1.0, 1.1, 1.2, 1.3, 0.9, 0.89999, 0.95]

for patience in (0, 1, 2):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience)
    falls = []
    for loss in LOSSES:
        schedule.step(loss)
        falls.append(round(-math.log2(optimizer.param_groups[0]["lr"])))
    print(patience, falls)
