"""Prints what pip must install for work on the tree: the package's own dependencies and a dependency group.

They stand once, in pyproject.toml; `pip install --group` would read them too, but not Debian 12's pip.
"""

import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Print one requirement a line, without blanks in it, so that a shell can split them."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    requirements: list[str] = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"].get("optional-dependencies", {}).values():
        requirements += extra
    for group in sys.argv[1:]:
        requirements += project["dependency-groups"][group]
    print("\n".join(requirement.replace(" ", "") for requirement in requirements))


if __name__ == "__main__":
    main()
