"""Users, passwords and tokens, and the command line over them."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import time
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

pytest.importorskip("argon2", reason="the extra is not installed: pip install 'bethink[serve]'")

from argon2 import PasswordHasher

from bethink.app.access.users import TOKENS, UserError, Users
from tests.app.conftest import BETHINK

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def users(tmp_path):
    return Users(tmp_path)


def test_a_user_is_known_by_the_password_alone(users):
    assert users.names() == []
    assert not users.path.exists()
    users.add("ann", "correct horse")
    assert users.check("ann", "correct horse")
    for name, password in (("ann", "correct hors"), ("ann", ""), ("Ann", "correct horse"), ("bob", "correct horse")):
        assert not users.check(name, password)
    assert users.names() == ["ann"]


def test_the_file_is_the_owners_alone_and_holds_neither_passwords_nor_tokens(users, tmp_path):
    old = os.umask(0)
    try:
        users.add("ann", "correct horse")
    finally:
        os.umask(old)
    token = users.new_token("ann")
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$" in content
    assert b"correct horse" not in content
    assert token.encode() not in content


def test_tokens_end_with_a_revocation_and_with_their_user(users):
    users.add("ann", "correct horse")
    first, second = users.new_token("ann"), users.new_token("ann")
    assert users.user_of(first) == users.user_of(second) == "ann"
    assert users.revoke("ann") == 2
    assert users.user_of(first) is None
    third = users.new_token("ann")
    users.remove("ann")
    assert users.user_of(third) is None
    users.add("ann", "another horse")
    assert users.user_of(third) is None
    for _ in range(TOKENS):
        users.new_token("ann")
    with pytest.raises(UserError, match="--revoke"):
        users.new_token("ann")


@pytest.mark.parametrize("name", ["", "a b", "../x", "-a", "a" * 65, "ann\n", "Zoë", "a\x00"])
def test_odd_names_are_refused(users, name):
    with pytest.raises(UserError, match="no user name"):
        users.add(name, "correct horse")


def test_short_long_and_doubled_are_refused(users):
    for password in ("seven77", "x" * 1025):
        with pytest.raises(UserError, match="8 to 1,024"):
            users.add("ann", password)
    users.add("ann", "correct horse")
    with pytest.raises(UserError, match="already"):
        users.add("ANN", "correct horse")
    assert users.check("ann", "correct horse")
    with pytest.raises(UserError, match="There are: ann"):
        users.remove("bob")


def test_an_unknown_name_takes_as_long_as_a_known_one(users):
    users.add("ann", "correct horse")
    users.check("bob", "warm up")

    def seconds(name: str) -> float:
        start = time.process_time()
        users.check(name, "wrong password")
        return time.process_time() - start

    known, unknown = (median(seconds(name) for _ in range(5)) for name in ("ann", "bob"))
    assert unknown > 0.01
    assert 0.5 < known / unknown < 2


@given(st.text(max_size=80), st.text(max_size=80))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_gets_in(users, name, password):
    users._hasher = QUICK
    assert not users.check(name, password)
    assert users.user_of(password) is None


class UsersMachine(RuleBasedStateMachine):
    """Users and tokens against a dictionary of what they should be."""

    names = st.sampled_from(["ann", "bob", "cem"])
    tokens = Bundle("tokens")

    @initialize()
    def start(self):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.users = Users(Path(self.folder.name))
        self.users._hasher = QUICK
        self.known: dict[str, str] = {}
        self.valid: dict[str, str] = {}

    def teardown(self):
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(name=names, password=st.sampled_from(["password 1", "password 2"]))
    def add(self, name, password):
        if name in self.known:
            with pytest.raises(UserError):
                self.users.add(name, password)
        else:
            self.users.add(name, password)
            self.known[name] = password

    @rule(name=names)
    def remove(self, name):
        if name in self.known:
            self.users.remove(name)
            del self.known[name]
            self.valid = {token: owner for token, owner in self.valid.items() if owner != name}

    @rule(target=tokens, name=names)
    def make(self, name):
        if name not in self.known or list(self.valid.values()).count(name) >= TOKENS:
            with pytest.raises(UserError):
                self.users.new_token(name)
            return "none"
        token = self.users.new_token(name)
        self.valid[token] = name
        return token

    @rule(name=names)
    def revoke(self, name):
        if name in self.known:
            self.users.revoke(name)
            self.valid = {token: owner for token, owner in self.valid.items() if owner != name}

    @rule(token=tokens)
    def ask(self, token):
        assert self.users.user_of(token) == self.valid.get(token)

    @rule(name=names, password=st.sampled_from(["password 1", "password 2"]))
    def log_in(self, name, password):
        assert self.users.check(name, password) == (self.known.get(name) == password)


UsersMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestUsersMachine = UsersMachine.TestCase


# -- the command line ------------------------------------------------------------------------------------------------


def bethink(*arguments: str, data, given: bytes = b"") -> subprocess.CompletedProcess:
    command = [BETHINK, *arguments, "--data", str(data)]
    done = subprocess.run(command, input=given, capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


def test_the_commands(tmp_path):
    assert bethink("users", "add", "ann", data=tmp_path, given=b"correct horse\n").returncode == 0
    assert bethink("users", "add", "ann", data=tmp_path, given=b"correct horse\n").returncode == 1
    assert bethink("users", "add", "bob", data=tmp_path, given=b"").returncode == 2
    made = json.loads(bethink("users", "token", "ann", "--json", data=tmp_path).stdout)["token"]
    assert Users(tmp_path).user_of(made) == "ann"
    listed = json.loads(bethink("users", "list", "--json", data=tmp_path).stdout)
    assert listed == {"users": [{"name": "ann", "tokens": 1}]}
    assert b"1 token of ann taken back" in bethink("users", "token", "ann", "--revoke", data=tmp_path).stdout
    gone = bethink("users", "remove", "ann", data=tmp_path)
    assert b"delete-user --user ann --threads" in gone.stdout
    assert Users(tmp_path).names() == []
    assert b"There is no user" in bethink("users", "token", "ann", data=tmp_path).stderr


def test_a_password_is_asked_for_on_the_terminal_and_not_shown(tmp_path):
    ours, theirs = pty.openpty()
    command = [BETHINK, "users", "add", "ann", "--data", str(tmp_path)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = b""
    try:
        for words in (b"Password: ", b"Again: "):
            while words not in shown:
                shown += os.read(ours, 1000)
            os.write(ours, b"correct horse\n")
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        os.close(ours)
    assert b"correct horse" not in shown
    assert Users(tmp_path).check("ann", "correct horse")


def test_other_machines_are_served_only_with_users_and_under_names(tmp_path):
    refused = bethink("serve", "--host", "0.0.0.0", data=tmp_path)
    assert refused.returncode == 2
    assert b"bethink users add NAME" in refused.stderr
    Users(tmp_path).add("ann", "correct horse")
    nameless = bethink("serve", "--host", "0.0.0.0", data=tmp_path)
    assert nameless.returncode == 2
    assert b"--allow-host" in nameless.stderr
    odd = bethink("serve", "--host", "0.0.0.0", "--allow-host", "*", data=tmp_path)
    assert b"no name of a host" in odd.stderr
