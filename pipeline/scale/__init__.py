"""What the pipeline costs and how far it scales: the benchmark's results, a formula, prices, and a simulation.

`benchmark` and `soak` read what was measured; `benchmark_tables` and `figures` show it.
`write_formula` predicts the writes and `calibration` the time of a batch; `predictions` compares both, and the
simulation, with what was measured. `prices` and `cost` price an event. `simulation_model` has the inputs and results
of the `simulation`, which `capacity` and `monthly_bill` use for other rates, and `hot_product` for one product that
everybody wants.
"""
