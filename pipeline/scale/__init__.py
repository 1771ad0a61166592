"""What the pipeline costs and how far it scales: the benchmark's figures, a formula, prices, and a simulation.

`results` reads what was measured, `tables` and `figures` show it; `soak` does both for the long run. `writes` predicts
the writes, `calibration` and `local` the time, both are compared with it. `prices` and `cost` turn them into money,
`lanes`, `simulation`, `way` and `month` into other sizes, `hot` into one product that everybody wants.
"""
