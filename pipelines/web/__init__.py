"""What all pages of the project are served with: limits on slow clients, checks of Host, Origin and token.

Knows neither Dagster, MLflow nor the rating study.
"""
