"""Hidden answers and the simulated annotator. Acquisition code never imports this package."""
