"""Makes the tree's own package usable from the virtual environment that runs this: import, metadata and command.

What `pip install --editable .` would do, without a second build of the extension module: `make build` puts that into
python/data_bridge, and a change in python/ needs nothing at all.
"""

import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write a path file, the distribution's metadata and one script for each console script."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = Path(sysconfig.get_path("purelib"))
    (site / "data_bridge_tree.pth").write_text(f"{TREE / 'python'}\n", encoding="utf-8")
    shutil.copy(TREE / "python" / "data_bridge_uvicorn.pth", site)

    for old in site.glob("data_bridge-*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    info = site / f"data_bridge-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    (info / "INSTALLER").write_text("link_tree\n", encoding="utf-8")

    for name, target in project["scripts"].items():
        module, _, function = target.partition(":")
        script = Path(sysconfig.get_path("scripts")) / name
        # Children of multiprocessing's start methods spawn and forkserver import the parent's script once more.
        script.write_text(
            f"#!{sys.executable}\nimport sys\n\nfrom {module} import {function}\n\n"
            f'if __name__ == "__main__":\n    sys.exit({function}())\n',
            encoding="utf-8",
        )
        script.chmod(0o755)


if __name__ == "__main__":
    main()
