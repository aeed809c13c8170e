"""Steps for static sites: build them, and publish releases."""

from runner.steps.static.build import BuildOptions, StaticBuild
from runner.steps.static.refusal import ReleaseOptions
from runner.steps.static.release import StaticRelease
from runner.steps.static.switch import switch_script

__all__ = ["BuildOptions", "ReleaseOptions", "StaticBuild", "StaticRelease", "switch_script"]
