"""PagerDuty wakes people: it has neither actions nor signals nor alerts."""

from tests.integrations.contract import Contract

CONTRACT = Contract()
