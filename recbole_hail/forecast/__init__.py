"""Forecasts: the element after a whole history, from a checkpoint, with calibrated probabilities."""

from recbole_hail.forecast.forecaster import Forecast, Forecaster, Prediction

__all__ = ["Forecast", "Forecaster", "Prediction"]
