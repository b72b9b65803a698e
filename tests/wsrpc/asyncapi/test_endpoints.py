"""Which endpoints an application has, and how they are called."""

import pytest
from aiohttp import web

from wsrpc import ApiPath, Publish, WsPathMixin
from wsrpc.asyncapi import document
from wsrpc.asyncapi.endpoints import endpoints_of


class View(ApiPath, WsPathMixin):
    """A view."""


class Other(View, Publish):
    __doc__ = None


class Bare(ApiPath, WsPathMixin, Publish):
    pass


def app(*paths: str) -> web.Application:
    made = web.Application()
    for path in paths:
        made.router.add_view(path, View)
    return made


@pytest.mark.parametrize(
    ("path", "address", "parameters"),
    [
        ("/rooms/{id}", "/rooms/{id}", {"id": None}),
        (r"/rooms/{id:\d+}", "/rooms/{id}", {"id": r"\d+"}),
        (r"/{a:\d{2}}-{b}/x.y", "/{a}-{b}/x.y", {"a": r"\d{2}", "b": None}),
        (r"/{a:(x|y)}{b:z?}", "/{a}{b}", {"a": "(x|y)", "b": "z?"}),
        ("/plain", "/plain", {}),
    ],
)
def test_parameters_of_the_path_are_described(official, path, address, parameters):
    made = app(path)
    [endpoint] = endpoints_of(made)
    assert endpoint.address == address
    assert endpoint.parameters == parameters
    described = document(made)
    official.validate(described)
    [channel] = described["channels"].values()
    assert channel["address"] == address
    assert channel.get("parameters", {}) == {
        name: {"description": f"Matches `{pattern}`."} if pattern else {}
        for name, pattern in parameters.items()
    }


def test_endpoints_are_called_by_their_paths_and_never_alike():
    made = app("/", "/a-b", "/a/b", "/a_b/", "/rooms/{id}", "/größe")
    ids = [endpoint.id for endpoint in endpoints_of(made)]
    assert ids == ["root", "a_b", "a_b_2", "a_b_3", "rooms_id", "gr_e"]


def test_a_path_that_is_not_ascii_makes_a_valid_document(official):
    official.validate(document(app("/größe/{name}")))


def test_endpoints_of_sub_applications_are_there_under_their_prefix():
    made = app("/stream")
    made.add_subapp("/sub", app(r"/rooms/{id:\d+}"))
    found = {endpoint.address: endpoint.parameters for endpoint in endpoints_of(made)}
    assert found == {"/stream": {}, "/sub/rooms/{id}": {"id": r"\d+"}}


def test_other_routes_are_no_endpoints():
    async def handler(request):
        return web.Response()

    made = app()
    made.router.add_get("/handler", handler)
    made.router.add_static("/static", ".")
    made.router.add_post("/post", View)
    made.router.add_view("/view", ApiPath)
    assert endpoints_of(made) == []


def test_of_two_endpoints_at_a_path_the_first_is_described():
    made = web.Application()
    made.router.add_get("/stream", View)
    made.router.add_view("/stream/", Other)
    made.router.add_view("/stream", Other)
    assert [endpoint.view for endpoint in endpoints_of(made)] == [View, Other]


@pytest.mark.parametrize(("view", "text"), [(View, "A view."), (Other, "A view."), (Bare, "")])
def test_only_an_applications_own_docstrings_describe_its_views(view, text):
    made = web.Application()
    made.router.add_view("/", view)
    [endpoint] = endpoints_of(made)
    assert endpoint.documentation == text
