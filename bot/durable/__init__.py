"""The only package that knows DBOS: jobs that survive the process, and the adoption of a dead replica's."""
