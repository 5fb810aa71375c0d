"""Where ``cals ui`` serves by default. The command line reads it: it imports nothing."""

HOST = "127.0.0.1"
DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
