"""An application that asks for one flag through OpenFeature's own OFREP provider; nothing in it is Stanch's.

Runs in the environment of the flag server: `python ofrep_application.py URL`, one question a line of the input, as
JSON with `flag`, `default` and `user`, one answer a line of the output.
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext


def main(url: str) -> None:
    """Answer until the input ends."""
    api.set_provider(OFREPProvider(url))
    client = api.get_client()
    for line in sys.stdin:
        asked = json.loads(line)
        context = EvaluationContext(targeting_key=asked["user"], attributes=asked["attributes"])
        told = client.get_boolean_details(asked["flag"], asked["default"], context)
        answer = {"value": told.value, "variant": told.variant, "reason": str(told.reason), "error": told.error_message}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
