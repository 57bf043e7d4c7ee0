"""MLflow: the only package that imports mlflow, and only when something is tracked."""
