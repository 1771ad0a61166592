"""What the pipeline costs and how far it scales: the benchmark's figures, a formula, prices, and a simulation.

`results` reads what was measured. `writes` predicts the writes, `calibration` the time, both are compared with it.
`prices` and `cost` turn them into money, `simulation` and `way` into other sizes. `figures` draws.
"""
