"""LiteLLM proxy: limits and blocks keys and models, caps budgets, switches routes, tightens guardrails and policies."""

from bot.sdk import Integration
from integrations.litellm.client import TITLE, Settings
from integrations.litellm.guardrails import DenyPattern, DenyTopic, EnableGuardrail, TightenThreshold
from integrations.litellm.keys import BlockKey, CapKeyBudget, CapTeamBudget, LimitKey, LimitTeam
from integrations.litellm.models import BlockModel, LimitModel
from integrations.litellm.policies import LogPrompts, RollBackPolicy
from integrations.litellm.routes import SetFallback, SwitchRoute
from integrations.litellm.simulator import simulator

INTEGRATION = Integration(
    name="litellm",
    title=TITLE,
    settings=Settings,
    actions=(
        LimitKey,
        LimitTeam,
        LimitModel,
        BlockKey,
        BlockModel,
        CapKeyBudget,
        CapTeamBudget,
        SwitchRoute,
        SetFallback,
        DenyPattern,
        DenyTopic,
        TightenThreshold,
        EnableGuardrail,
        RollBackPolicy,
        LogPrompts,
    ),
    simulator=simulator,
    simulated={"url": "http://litellm.simulated", "admin_key": "sk-simulated"},
)
