"""A machine as pytest runs it, beside async tests."""


def test_a_machine_is_a_test_case_under_pytest(suite):
    result = suite(
        """
        from application import create_app
        from hypothesis import settings, strategies as st
        from pytest_wsrpc.stateful import RpcStateMachine, rule


        class Greetings(RpcStateMachine):
            create_app = create_app

            @rule(name=st.sampled_from("ab"))
            async def greet(self, name):
                assert await self.call(0, "greet", {"name": name}) == f"hello {name}"

            @rule()
            async def fail(self):
                await self.call(0, "fail", {"why": "because"})


        TestGreetings = Greetings.TestCase
        TestGreetings.settings = settings(max_examples=10, database=None, deadline=None)


        async def test_beside_it(ws_client):
            assert await ws_client.call("add", {"a": 1, "b": 2}) == {"sum": 3}
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*InternalError*",
            "*Conversation of client 0:",
            "*! ValueError: because*",
            "*state = Greetings()",
            "*state.fail()",
            "*state.teardown()",
        ]
    )
