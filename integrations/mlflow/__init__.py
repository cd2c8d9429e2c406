"""MLflow: moves a model's alias back, shifts traffic between a gateway endpoint's models, caps a budget."""

from bot.sdk import Integration
from integrations.mlflow.budgets import CapBudget
from integrations.mlflow.client import TITLE, Settings
from integrations.mlflow.endpoints import DropFallback, ShiftTraffic
from integrations.mlflow.registry import MoveAlias
from integrations.mlflow.simulator import simulator

INTEGRATION = Integration(
    name="mlflow",
    title=TITLE,
    settings=Settings,
    actions=(MoveAlias, ShiftTraffic, DropFallback, CapBudget),
    simulator=simulator,
    simulated={"url": "http://mlflow.simulated", "token": "token-of-the-simulator"},
)
