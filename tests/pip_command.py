"""How pip is called here: the tests' scripts install from PyPI, wherever Python comes from."""

import subprocess
import sys
import venv


def pip_command(place):
    """Where Python comes without pip, a virtual environment below `place` may have it."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run([*own, "--version"], capture_output=True).returncode == 0:
        return own
    venv.create(place / "venv", with_pip=True)
    return [str(place / "venv" / "bin" / "python3"), "-m", "pip"]
