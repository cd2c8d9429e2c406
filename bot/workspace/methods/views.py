"""Methods about modals and the Home tab: `views.*`.

https://docs.slack.dev/reference/methods/views.open
"""

from bot.workspace.methods.call import Call, Method
from bot.workspace.modals import open_view, publish_home, push_view, read_view, update_view
from bot.workspace.model import View
from bot.workspace.shapes import view_json
from bot.workspace.wire import Json, Refused


def _open(call: Call) -> Json:
    payload = read_view(call.workspace, call.arguments.structure("view", "invalid_arguments"))
    user = call.workspace.triggers.exchange(call.arguments.required("trigger_id"))
    return _answer(call, open_view(call.workspace, user, payload))


def _push(call: Call) -> Json:
    payload = read_view(call.workspace, call.arguments.structure("view", "invalid_arguments"))
    user = call.workspace.triggers.exchange(call.arguments.required("trigger_id"))
    return _answer(call, push_view(call.workspace, user, payload))


def _update(call: Call) -> Json:
    wanted = call.arguments.text("view_id") or call.arguments.required("external_id")
    view = call.state.view(wanted)
    if view is None:
        raise Refused("not_found")
    payload = read_view(
        call.workspace, call.arguments.structure("view", "invalid_arguments"), kind=str(view.payload["type"])
    )
    return _answer(call, update_view(call.workspace, view, payload, call.arguments.text("hash")))


def _publish(call: Call) -> Json:
    user = call.state.member(call.arguments.required("user_id"))
    payload = read_view(call.workspace, call.arguments.structure("view", "invalid_arguments"), kind="home")
    return _answer(call, publish_home(call.workspace, user.id, payload, call.arguments.text("hash")))


def _answer(call: Call, view: View) -> Json:
    return {"view": view_json(call.state, view)}


METHODS = {
    "views.open": Method(_open),
    "views.publish": Method(_publish),
    "views.push": Method(_push),
    "views.update": Method(_update),
}
