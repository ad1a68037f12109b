"""Expected values of EstimateTest: mean, deviation and 95 % interval of samples, with the standard library alone.

The quantiles of Student's t are in closed form for 1, 2 and 4 degrees of freedom; they agree with published tables
(12.706, 4.303, 2.776).
"""
from math import acos, cos, pi, sqrt, tan
from statistics import mean, stdev

P = 0.975


def quantile(freedom):
    a = 4 * P * (1 - P)
    if freedom == 1:
        return tan(pi * (P - 0.5))
    if freedom == 2:
        return (2 * P - 1) * sqrt(2 / a)
    if freedom == 4:
        q = cos(acos(sqrt(a)) / 3) / sqrt(a)
        return 2 * sqrt(q - 1)
    raise ValueError(freedom)


for sample in ([0.61, 0.64], [0.461, 0.469, 0.452], [3.0, 5.0, 4.0, 8.0, 7.0]):
    n = len(sample)
    deviation = stdev(sample)
    margin = quantile(n - 1) * deviation / sqrt(n)
    print(sample, repr(mean(sample)), repr(deviation), repr(margin))
