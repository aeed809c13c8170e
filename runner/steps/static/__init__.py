"""Static sites: built, and put online as releases."""

from runner.steps.static.build import BuildOptions, StaticBuild
from runner.steps.static.release import ReleaseOptions, StaticRelease, switch_script

__all__ = ["BuildOptions", "ReleaseOptions", "StaticBuild", "StaticRelease", "switch_script"]
