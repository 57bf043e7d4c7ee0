"""Quality and calibration of predictions on pairs whose answers are known."""
