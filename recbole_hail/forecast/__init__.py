"""Forecasts: the element after a whole history, from a checkpoint, with calibrated probabilities."""

from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.predictions import Forecast, Prediction

__all__ = ["Forecast", "Forecaster", "Prediction"]
