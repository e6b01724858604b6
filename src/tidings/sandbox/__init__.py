"""A ConnectWise that runs on your machine: for the demo, for tests, and for people who write receivers."""

from tidings.sandbox.config import CLIENT_ID, Account, SandboxConfig
from tidings.sandbox.sandbox import Running, Sandbox, build, serve

__all__ = ["CLIENT_ID", "Account", "Running", "Sandbox", "SandboxConfig", "build", "serve"]
