"""A list of things to do, in the order in which they were added."""

import itertools
from dataclasses import dataclass
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from wsrpc import ApiPath, LocalBroker, RpcError, WsPathMixin

NO_SUCH_TASK = 1001

TaskId = Annotated[int, Meta(ge=1, le=2**53 - 1)]


@dataclass
class NewTask:
    text: Annotated[str, Meta(min_length=1, max_length=100)]


@dataclass
class Task:
    task_id: TaskId
    text: str


@dataclass
class Which:
    task_id: TaskId


class Tasks:
    def __init__(self) -> None:
        self.ids = itertools.count(1)
        self.texts: dict[int, str] = {}
        self.order: list[int] = []


TASKS = web.AppKey("TASKS", Tasks)


class Todo(ApiPath, WsPathMixin):
    async def ws_rpc_add(self, payload: NewTask) -> Task:
        """Add a task at the end"""
        tasks = self.request.app[TASKS]
        task = Task(next(tasks.ids), payload.text)
        tasks.texts[task.task_id] = task.text
        tasks.order.append(task.task_id)
        return task

    async def ws_rpc_remove(self, payload: Which) -> Task:
        """Take a task away"""
        tasks = self.request.app[TASKS]
        if payload.task_id not in tasks.texts:
            raise RpcError(NO_SUCH_TASK, "No such task")
        return Task(payload.task_id, tasks.texts.pop(payload.task_id))

    async def ws_rpc_list(self, payload: dict[str, object]) -> list[Task]:
        """All tasks"""
        tasks = self.request.app[TASKS]
        return [Task(task_id, tasks.texts[task_id]) for task_id in tasks.order]


def create_app() -> web.Application:
    app = web.Application()
    app[TASKS] = Tasks()
    app.router.add_view("/stream", Todo)
    LocalBroker.for_app(app)
    return app


DEFECT = {
    "phase": "sequence",
    "checks": ["no-internal-error"],
    "methods": ["list"],
    "why": "a removed task keeps its place in the order, and crashes the list",
}
