"""checkov over the templates, from its own environment: what it says has to be waived with a reason, no more, no less.

Run by `make lint`, as `python -m tests.provisioning.checkov`.
"""

import json
import subprocess
import sys

import yaml

from pipeline.paths import OBSERVABILITY, ROOT, TEMPLATE

CHECKOV = ROOT / ".venv" / "checkov" / "bin" / "checkov"


def main() -> int:
    """Print what is not waived, and what is waived for nothing. Returns the exit status."""
    files = ["-f", str(TEMPLATE), str(OBSERVABILITY)]
    command = [str(CHECKOV), *files, "--framework", "cloudformation", "--output", "json", "--quiet", "--skip-download"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    try:
        report = json.loads(done.stdout)
        said = {
            f"{failed['check_id']} {failed['resource'].rpartition('.')[2]}": failed["check_name"]
            for failed in report["results"]["failed_checks"]
        }
    except (json.JSONDecodeError, KeyError, TypeError):
        print(f"checkov gave no answer: {done.stderr or done.stdout}", file=sys.stderr)
        return 1
    waived = yaml.safe_load((ROOT / "infra" / "waivers.yaml").read_text())["checkov"]
    wrong = [f"{what}: {name}" for what, name in said.items() if what not in waived]
    wrong += [f"{what}: waived in infra/waivers.yaml, and not said any more" for what in waived.keys() - said.keys()]
    print("\n".join(wrong) or f"checkov: {len(said)} findings, each waived with a reason in infra/waivers.yaml")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
