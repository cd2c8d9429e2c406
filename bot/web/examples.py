"""Examples for the OpenAPI document; a test checks them against the models."""

from bot.domain.values import JsonObject

_SUMMARY: JsonObject = {
    "number": 7,
    "label": "INC-7",
    "kind": "live",
    "title": "Support assistant gives harmful answers",
    "status": "acknowledged",
    "severity": "SEV2",
    "system": "support-assistant",
    "failure_mode": "harmful-output",
    "commander": {"kind": "person", "id": "U0LEAD", "via": None},
    "channel": "C0INC7",
    "milestones": {
        "started": {"at": "2026-01-15T09:58:00Z", "basis": "observed", "note": "first crossing", "provisional": False},
        "detected": {"at": "2026-01-15T10:00:00Z", "basis": "observed", "note": "", "provisional": False},
        "declared": {"at": "2026-01-15T10:00:01Z", "basis": "observed", "note": "", "provisional": False},
        "acknowledged": {"at": "2026-01-15T10:03:00Z", "basis": "observed", "note": "", "provisional": False},
        "mitigated": None,
        "resolved": None,
        "closed": None,
    },
    "ttd": {
        "state": "stopped",
        "seconds": 120.0,
        "target_seconds": 14400.0,
        "late": False,
        "provisional": False,
        "attested": False,
    },
    "ttm": {
        "state": "running",
        "seconds": 300.0,
        "target_seconds": 86400.0,
        "late": False,
        "provisional": False,
        "attested": False,
    },
}

PAGE: JsonObject = {"incidents": [_SUMMARY], "next_before": 7}

INCIDENT: JsonObject = {
    **_SUMMARY,
    "severity_reason": "",
    "opened_by": {"kind": "source", "id": "alertmanager", "via": None},
    "opened_why": "playbook harmful-output declares Sev-2 by itself",
    "containments": [],
    "alert_groups": [
        {
            "source": "alertmanager",
            "title": "Support assistant gives harmful answers",
            "labels": {"service": "support-assistant"},
            "url": "https://prometheus.example.com/graph",
            "firing": 1,
            "resolved": 0,
            "received": 3,
            "first_at": "2026-01-15T10:00:00Z",
            "last_at": "2026-01-15T10:08:00Z",
            "verdict": "unadjudicated",
        }
    ],
    "timeline": {
        "verified": True,
        "problems": [],
        "head_signature": "5f2b8c0d9e1a7346",
        "events": [
            {
                "seq": 1,
                "kind": "incident.declared",
                "at": "2026-01-15T10:00:01Z",
                "recorded_at": "2026-01-15T10:00:01Z",
                "actor": {"kind": "source", "id": "alertmanager", "via": None},
                "content": {"text": "Declared Sev-2: playbook harmful-output declares Sev-2 by itself", "payload": {}},
                "salt": "00112233445566778899aabbccddeeff",
                "commitment": "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184",
                "previous": "0" * 64,
                "hash": "591785b794601e212b260e25925636fd591785b794601e212b260e25925636fd",
            }
        ],
    },
}

DECLARE: JsonObject = {"title": "The assistant invents refund rules", "severity": "SEV2", "system": "support-assistant"}
PLAN: JsonObject = {
    "runbook": "roll-the-prompt-back",
    "inputs": {"variation": "v41"},
    "reason": "harmful advice since v42",
    "dry_run": True,
}
DECISION: JsonObject = {"fingerprint": "591785b794601e212b260e25925636fd591785b794601e212b260e25925636fd"}
BREAK_GLASS: JsonObject = {**DECISION, "reason": "no lead answers the phone, people are harmed"}
UNDO: JsonObject = {"reason": "v43 is fixed"}
